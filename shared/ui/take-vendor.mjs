// Brings the libraries of the page into assets/vendor/: exact versions from the npm registry, their bare imports made relative (so
// that no import map and no bundler is needed), source map links cut, licences beside them, a list of SHA-256 sums. Run it by hand
// with `node shared/ui/take-vendor.mjs` to change a version; the build never runs it.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const VERSIONS = { preact: '11.2.0', htm: '3.1.1', '@preact/signals-core': '1.14.5', '@preact/signals': '2.11.4' };

/** Import name → [package, file in it, file here] */
const MODULES = {
  preact: ['preact', 'dist/preact.mjs', `preact-${VERSIONS.preact}.js`],
  'preact/hooks': ['preact', 'hooks/dist/hooks.mjs', `preact-hooks-${VERSIONS.preact}.js`],
  htm: ['htm', 'dist/htm.mjs', `htm-${VERSIONS.htm}.js`],
  '@preact/signals-core': ['@preact/signals-core', 'dist/signals-core.mjs', `signals-core-${VERSIONS['@preact/signals-core']}.js`],
  '@preact/signals': ['@preact/signals', 'dist/signals.mjs', `signals-${VERSIONS['@preact/signals']}.js`],
};
const LICENCES = { preact: 'preact-LICENSE.txt', htm: 'htm-LICENSE.txt', '@preact/signals': 'signals-LICENSE.txt' };

const vendor = new URL('assets/vendor/', import.meta.url);
const from = mkdtempSync(join(tmpdir(), 'gantry-vendor-'));
const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
execFileSync('npm', ['install', '--silent', '--no-save', '--ignore-scripts', '--prefix', from, ...packages]);

const sums = [];
const keep = (name, text) => {
  writeFileSync(new URL(name, vendor), text);
  sums.push(`${createHash('sha256').update(text).digest('hex')}  ${name}`);
};
for (const [module, file, name] of Object.values(MODULES)) {
  const text = readFileSync(join(from, 'node_modules', module, file), 'utf8');
  const relative = text.replace(/from\s*["']([^"']+)["']/g, (whole, wanted) => (MODULES[wanted] ? `from"./${MODULES[wanted][2]}"` : whole));
  keep(name, relative.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'));
}
for (const [module, name] of Object.entries(LICENCES)) keep(name, readFileSync(join(from, 'node_modules', module, 'LICENSE'), 'utf8'));
writeFileSync(new URL('SHA256SUMS', vendor), `${sums.join('\n')}\n`);
