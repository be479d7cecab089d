// How each state of a printer looks: its icon, its tone, and how loudly it asks for a person. One row per word; an unknown word of
// a newer server is shown quietly as it is.

/** @typedef {{icon: string, tone: string, rank: number, human?: boolean}} Look */

/** @type {Record<string, Look>} Lower ranks come first. `lost` = the printer's job is in state `unknown`. */
const LOOKS = {
  error: { icon: 'alert', tone: 'alarm', rank: 0, human: true },
  attention: { icon: 'hand', tone: 'alarm', rank: 0, human: true },
  lost: { icon: 'question', tone: 'alarm', rank: 0, human: true },
  needs_clear: { icon: 'sweep', tone: 'clear', rank: 1, human: true },
  quarantined: { icon: 'shield', tone: 'warn', rank: 2, human: true },
  control_denied: { icon: 'lock', tone: 'warn', rank: 2, human: true },
  incomplete: { icon: 'wrench', tone: 'warn', rank: 2, human: true },
  paused: { icon: 'pause', tone: 'paused', rank: 3 },
  printing: { icon: 'print', tone: 'active', rank: 4 },
  preparing: { icon: 'heat', tone: 'active', rank: 5 },
  busy: { icon: 'busy', tone: 'active', rank: 6 },
  idle: { icon: 'idle', tone: 'calm', rank: 7 },
  stale: { icon: 'wifi', tone: 'away', rank: 8 },
  offline: { icon: 'unplug', tone: 'away', rank: 9 },
  unknown: { icon: 'question', tone: 'away', rank: 10 },
  maintenance: { icon: 'wrench', tone: 'out', rank: 11 },
  disabled: { icon: 'ban', tone: 'out', rank: 12 },
};

export const states = Object.keys(LOOKS);

/** @param {string} state @returns {Look} */
export const look = (state) => LOOKS[state] ?? { icon: 'question', tone: 'calm', rank: 7 };

/** Whether a person of the floor can do something about it now. @param {import('./farm.js').Machine} machine */
export function wantsPerson(machine) {
  const state = machine.state.value;
  const { pause_reason: why } = machine.job.value ?? {};
  return Boolean(look(state).human) || (state === 'paused' && why !== undefined && why !== 'user');
}

/** @type {Record<string, string>} */
const JOB_TONES = { printing: 'active', starting: 'active', sending: 'active', assigned: 'active', slicing: 'active', paused: 'paused', unknown: 'alarm', failed: 'alarm', held: 'out', awaiting_approval: 'warn' };

/** @param {string} state */
export const jobTone = (state) => JOB_TONES[state] ?? 'calm';
