// A browser that keeps count of what no page of ours may do: errors in the console, violations of its security policy, refusals
// that nobody expected, and requests to anywhere but its own server.
import { createRequire } from 'node:module';

// The packages stand in a cache of the test command, not beside this file.
const require = createRequire(`${process.env.GANTRY_PAGE_PACKAGES ?? process.cwd()}/`);
const { chromium } = require('playwright-core');
export const axeSource = require('axe-core').source;

const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic', '--disable-gpu'];

export class Browser {
  static async launch() {
    const args = process.getuid?.() === 0 ? ['--no-sandbox', ...QUIET] : QUIET;
    return new Browser(await chromium.launch({ executablePath: process.env.GANTRY_CHROMIUM || '/usr/bin/chromium', args }));
  }

  constructor(chrome) {
    this.chrome = chrome;
    /** @type {string[]} */
    this.troubles = [];
    this.origin = '';
  }

  /** A person with a screen of this size; `state` = who is signed in already, `home` = whose page it is, if not that of all. */
  async person({ width = 1440, height = 900, dark = true, touch = false, state, home } = {}) {
    const context = await this.chrome.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', hasTouch: touch, isMobile: touch, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce', storageState: state });
    await context.addInitScript(() => addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => this.troubles.push(`thrown: ${error.message}`));
    page.on('console', (said) => {
      // What could not be loaded is told better by the answers and failures below.
      if (['error', 'warning'].includes(said.type()) && !said.text().startsWith('Failed to load resource')) this.troubles.push(`console: ${said.text()}`);
    });
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== (home ?? this.origin) && !['data:', 'blob:'].includes(protocol)) this.troubles.push(`elsewhere: ${request.url()}`);
    });
    page.on('response', (answer) => {
      if (answer.status() >= 400) this.troubles.push(`${answer.status()} ${answer.request().method()} ${new URL(answer.url()).pathname}`);
    });
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? '';
      if (why !== 'net::ERR_ABORTED') this.troubles.push(`${why} ${new URL(request.url()).pathname}`);
    });
    return page;
  }

  /** Takes what was expected out of the troubles; says whether it was there. */
  expected(pattern) {
    const before = this.troubles.length;
    this.troubles = this.troubles.filter((one) => !pattern.test(one));
    return this.troubles.length < before;
  }
}
