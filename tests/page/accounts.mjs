// People of a store at their relay: a password, a passkey in a browser with a security key, an identity provider that is a real one,
// and what becomes of what somebody leaves behind.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ask, Running } from './farm.mjs';
import { accessFaults, layoutFaults, SIZES } from './looks.mjs';

const PASSWORD = 'correct horse battery';
const CLIENT = { client_id: 'gantry', client_secret: 'a secret of the provider and the relay' };

/** oidc-provider on this machine. Who comes to its page signs in by one press. @param {() => string} account */
async function identityProvider(account) {
  const require = createRequire(`${process.env.GANTRY_PAGE_PACKAGES ?? process.cwd()}/`);
  const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);
  let answer = (_, response) => response.end();
  const server = createServer((request, response) => answer(request, response));
  await new Promise((done) => server.listen(0, '127.0.0.1', () => done(undefined)));
  const issuer = `http://127.0.0.1:${/** @type {any} */ (server.address()).port}`;
  /** @param {string} page The relay's, to which it sends people back. */
  const serve = (page) => {
    const provider = new Provider(issuer, {
      clients: [{ ...CLIENT, redirect_uris: [`${page}/sign-in`], response_types: ['code'], grant_types: ['authorization_code'] }],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: `subject of ${id}`, email: id, email_verified: true }) }),
      loadExistingGrant: async ({ oidc }) => {
        const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
        grant.addOIDCScope('openid email profile');
        await grant.save();
        return grant;
      },
    });
    const rest = provider.callback();
    answer = async (request, response) => {
      if (!request.url.startsWith('/interaction/')) return rest(request, response);
      if (request.method === 'POST') return provider.interactionFinished(request, response, { login: { accountId: account() } });
      return response.setHeader('Content-Type', 'text/html').end('<form method="post"><button>This is me</button></form>');
    };
  };
  return { issuer, serve, stop: () => server.close() };
}

/** @param {{binary: string, data: string, browser: import('./browser.mjs').Browser, pictures?: string, check: Function, look: (page: any) => void}} told */
export async function accounts({ binary, data, browser, pictures, check, look }) {
  let account = 'ben@farm.example';
  const idp = await identityProvider(() => account);
  mkdirSync(data, { recursive: true });
  const [secret, config] = [join(data, 'secret'), join(data, 'relay.toml')];
  writeFileSync(secret, CLIENT.client_secret);
  writeFileSync(config, `oidc = [{ name = "Example", issuer = "${idp.issuer}", client_id = "${CLIENT.client_id}", client_secret_file = "${secret}" }]\n`);
  const place = ['relay', '--config', config, '--data', join(data, 'relay')];
  const relay = await Running.start(binary, [...place, '--listen', '127.0.0.1:0', '--mqtt-listen', '127.0.0.1:0']);
  // Passkeys hold for a name, not for an address.
  const home = `http://localhost:${new URL(relay.first.relay_url).port}`;
  idp.serve(home);
  const { sign_in_url: link } = await ask(binary, [...place, 'store', 'create', 'Anna & Sons']);
  const [owner, ben] = [await browser.person({ home }), await browser.person({ home })];
  const button = (page, name) => page.getByRole('button', { name, exact: typeof name === 'string' });
  const heading = (page, name) => page.getByRole('heading', { name }).waitFor();
  const row = (page, name) => page.locator('.row').filter({ has: page.locator('.row-main > b').getByText(name, { exact: true }) });
  const door = (page) => heading(page, 'Sign in to the relay');
  const signOut = async (page) => {
    await button(page, 'Sign out').click();
    await door(page);
    browser.expected(/^401 GET /);
  };
  /** The same screen at every size, in the light and in the dark. */
  const screens = (name, path, state, open) => check(`the screen “${name}” holds at every size`, async () => {
    for (const [size, { width, height, touch }] of Object.entries(SIZES)) {
      const seen = await browser.person({ width, height, touch, state, home });
      look(seen);
      await seen.goto(home + path);
      await open(seen);
      for (const theme of ['light', 'dark']) {
        await seen.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
        if (pictures) await seen.screenshot({ path: join(pictures, `${name.replaceAll(' ', '-')}-${size}-${theme}.png`), fullPage: true });
        if (size === 'phone') assert.deepEqual(await accessFaults(seen), [], theme);
      }
      assert.deepEqual(await layoutFaults(seen), [], size);
      await seen.context().close();
    }
    browser.expected(/^401 GET /);
  });

  try {
    await arrives();
    await provider();
    await leaves();
  } finally {
    // Nobody looks at a page whose server is about to be killed.
    await Promise.all([owner.context().close(), ben.context().close()]);
    await relay.kill();
    idp.stop();
  }

  async function arrives() {
    look(owner);
    await check('who came by a link is told to set a password, and signs in with it from then on', async () => {
      await owner.goto(`${home}/account#${new URL(link).hash.slice(1)}`);
      await owner.getByText('You are signed in by a link').waitFor();
      await owner.getByLabel('E-mail address').fill('anna@farm.example');
      await button(owner, 'Save').click();
      await owner.locator('.notice').filter({ hasText: 'saved' }).waitFor();
      await owner.getByLabel('New password').fill(PASSWORD);
      await button(owner, 'Set password').click();
      await owner.locator('.notice').filter({ hasText: 'The password is set' }).waitFor();
      await signOut(owner);
      await owner.getByLabel('E-mail address').fill('Anna@farm.example');
      await owner.getByLabel('Password').fill('a wrong horse');
      await button(owner, 'Sign in').click();
      await owner.locator('.trouble').filter({ hasText: 'not right' }).waitFor();
      assert(browser.expected(/^401 POST \/v1\/sessions$/));
      await owner.getByLabel('Password').fill(PASSWORD);
      await button(owner, 'Sign in').click();
      await heading(owner, 'No farm yet');
    });
    await check('a passkey is made and signs in without a name or a password', async () => {
      const devices = await owner.context().newCDPSession(owner);
      await devices.send('WebAuthn.enable');
      await devices.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
      await owner.goto(`${home}/account`);
      await owner.getByLabel('Name of the device').fill('My phone');
      await button(owner, 'Add a passkey').click();
      await row(owner, 'My phone').waitFor();
      await signOut(owner);
      await button(owner, 'Use a passkey').click();
      await heading(owner, 'No farm yet');
      await owner.goto(`${home}/account`);
      await row(owner, 'My phone').getByText('last used').waitFor();
    });
    await screens('own account', '/account', await owner.context().storageState(), (seen) => row(seen, 'My phone').waitFor());
    await screens('door of a relay', '/', undefined, (seen) => button(seen, 'Sign in with Example').waitFor());
  }

  async function provider() {
    let invitation = '';
    await check('a role of the store’s own is made of what its maker holds, and somebody is invited', async () => {
      look(owner);
      await owner.goto(`${home}/people/roles`);
      await button(owner, 'New role').click();
      await owner.getByRole('dialog').getByLabel('Name', { exact: true }).fill('Packer');
      await owner.getByRole('dialog').locator('input[value="job.view"]').check();
      await owner.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      await row(owner, 'Packer').waitFor();
      await owner.goto(`${home}/people`);
      await button(owner, 'Invite').click();
      const form = owner.getByRole('dialog');
      await form.getByLabel('Name', { exact: true }).fill('Ben');
      await form.getByLabel('E-mail address').fill('ben@farm.example');
      await form.getByLabel('Role', { exact: true }).selectOption({ label: 'Admin' });
      await form.getByRole('button', { name: 'Invite' }).click();
      invitation = await owner.getByRole('dialog').locator('.copyable input').inputValue();
      await button(owner, 'I have it').click();
      await row(owner, 'Ben').getByText('invited').waitFor();
    });
    await screens('people of a store', '/people', await owner.context().storageState(), (seen) => row(seen, 'Ben').waitFor());
    await check('by the identity provider comes in whom it has verified and the store has invited', async () => {
      look(ben);
      await ben.goto(home);
      await button(ben, 'Sign in with Example').click();
      await button(ben, 'This is me').click();
      await heading(ben, 'No farm yet');
      browser.expected(/^401 GET /);
      assert(browser.expected(new RegExp(`^elsewhere: ${idp.issuer}/`)));
      await owner.reload();
      await row(owner, 'Ben').getByText('active').waitFor();
      assert.match(invitation, /\/account#token=\w+$/);
    });
    await check('a stranger whom the provider knows stays outside', async () => {
      account = 'eve@elsewhere.example';
      const eve = await browser.person({ home });
      look(eve);
      await eve.goto(home);
      await button(eve, 'Sign in with Example').click();
      await button(eve, 'This is me').click();
      await eve.locator('.trouble').filter({ hasText: 'Nobody here is who the provider says' }).waitFor();
      browser.expected(/^401 GET /);
      browser.expected(/^401 POST /);
      browser.expected(new RegExp(`^elsewhere: ${idp.issuer}/`));
      // A code in a link from elsewhere finds nobody who asked for it.
      await eve.goto(`${home}/sign-in?code=foreign&state=foreign`);
      await door(eve);
      browser.expected(/^401 GET /);
      await eve.context().close();
    });
  }

  async function leaves() {
    await check('removing somebody asks what becomes of each key, and ends what they see within two seconds', async () => {
      look(ben);
      await ben.goto(`${home}/keys`);
      await button(ben, 'New key').first().click();
      await ben.getByRole('dialog').getByLabel('Name', { exact: true }).fill('Shop');
      await button(ben, 'Make the key').click();
      await button(ben, 'I have it').click();
      await row(ben, 'Shop').waitFor();
      look(owner);
      const remove = row(owner, 'Ben');
      await remove.getByRole('button', { name: 'Remove' }).click();
      await remove.getByRole('button', { name: 'Remove Ben' }).click();
      await owner.getByLabel('the API key Shop').waitFor();
      browser.expected(/^409 POST \/v1\/users\/usr_\w+\/remove$/);
      await owner.getByRole('dialog').getByRole('button', { name: 'Remove Ben' }).click();
      await ben.getByRole('heading', { name: 'Sign in to the relay' }).waitFor({ timeout: 4000 });
      browser.expected(/^401 GET /);
      await remove.waitFor({ state: 'detached' });
      await owner.goto(`${home}/keys`);
      await row(owner, 'Shop').getByText('active').waitFor();
    });
  }
}
