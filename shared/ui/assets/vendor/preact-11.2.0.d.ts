/** What the page uses of Preact. Templates are not typed through htm, so the full JSX types would say nothing. */
export interface VNode {
  type: unknown;
  props: unknown;
  key: unknown;
}
export type Child = VNode | string | number | boolean | null | undefined | object | Child[];
export function h(type: unknown, props: Record<string, unknown> | null, ...children: Child[]): VNode;
export function render(vnode: Child, parent: Element): void;
export function Fragment(props: { children?: Child }): VNode;
