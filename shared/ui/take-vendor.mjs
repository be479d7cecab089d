// Brings the libraries of the page into assets/vendor/: exact versions from the npm registry, their bare imports made relative (so
// that no import map and no bundler is needed), source map links cut, licences beside them, a list of SHA-256 sums. Run it by hand
// with `node shared/ui/take-vendor.mjs` to change a version; the build never runs it. The viewer of the API goes into viewer/: as its
// package has it, compressed, with the licences of all that it was made from.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

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

/** Installs packages into a new folder and says where. */
const install = (packages) => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-vendor-'));
  execFileSync('npm', ['install', '--silent', '--no-save', '--ignore-scripts', '--prefix', folder, ...packages]);
  return join(folder, 'node_modules');
};
/** Files of one folder, and in the end their sums. */
const keeper = (folder) => {
  const sums = [];
  return {
    keep: (name, content) => {
      writeFileSync(new URL(name, folder), content);
      sums.push(`${createHash('sha256').update(content).digest('hex')}  ${name}`);
    },
    sum: () => writeFileSync(new URL('SHA256SUMS', folder), `${sums.join('\n')}\n`),
  };
};

const from = install(Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`));
const { keep, sum } = keeper(new URL('assets/vendor/', import.meta.url));
for (const [module, file, name] of Object.values(MODULES)) {
  const text = readFileSync(join(from, module, file), 'utf8');
  const relative = text.replace(/from\s*["']([^"']+)["']/g, (whole, wanted) => (MODULES[wanted] ? `from"./${MODULES[wanted][2]}"` : whole));
  keep(name, relative.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'));
}
for (const [module, name] of Object.entries(LICENCES)) keep(name, readFileSync(join(from, module, 'LICENSE'), 'utf8'));
sum();

const SCALAR = '1.72.1';
const parts = install([`@scalar/api-reference@${SCALAR}`]);
const viewer = keeper(new URL('viewer/', import.meta.url));
const squeezed = (text) => gzipSync(text, { level: 9 });
viewer.keep(`scalar-${SCALAR}.js.gz`, squeezed(readFileSync(join(parts, '@scalar/api-reference/dist/browser/standalone.js'))));

/** Licence text → the packages under it. */
const licences = new Map();
const read = (folder) => {
  for (const name of readdirSync(folder).filter((name) => !name.startsWith('.')).sort()) {
    const path = join(folder, name);
    if (name.startsWith('@')) {
      read(path);
      continue;
    }
    if (!existsSync(join(path, 'package.json'))) continue;
    const about = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const file = readdirSync(path).find((one) => /^(licen[cs]e|copying)/i.test(one));
    const author = typeof about.author === 'string' ? about.author : (about.author?.name ?? '');
    const text = file ? readFileSync(join(path, file), 'utf8').replace(/\r/g, '').trim() : `(The package has no text of its licence.) ${author}`.trim();
    const key = `${about.license}\n\n${text}`;
    licences.set(key, [...(licences.get(key) ?? []), `${about.name} ${about.version}`]);
    if (existsSync(join(path, 'node_modules'))) read(join(path, 'node_modules'));
  }
};
read(parts);
const head = `Licences of what the viewer of the API (@scalar/api-reference ${SCALAR}) is made from, and of what those packages name as their own needs.`;
const all = [...licences].map(([text, names]) => `${'='.repeat(80)}\n${[...new Set(names)].join(', ')}\n${text}\n`);
viewer.keep(`scalar-${SCALAR}-LICENSES.txt.gz`, squeezed(`${head}\n\n${all.join('\n')}`));
viewer.sum();
