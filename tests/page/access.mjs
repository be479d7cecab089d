// Access as an owner sees it at the relay's page: keys from presets to their end, roles, what a person holds, and the audit of it all. The
// farm and its relay run as `gantry up` starts them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gcode, Running } from './farm.mjs';
import { accessFaults, layoutFaults, SIZES } from './looks.mjs';

/** @param {{binary: string, data: string, browser: import('./browser.mjs').Browser, pictures?: string, check: Function, look: (page: any) => void}} told */
export async function access({ binary, data, browser, pictures, check, look }) {
  const up = await Running.start(binary, ['up', '--data', data, '--port', '0', '--relay-port', '0', '--mqtt-port', '0']);
  const { relay_url: home, sign_in_url: link } = up.first;
  const [owner, ben] = [await browser.person({ home }), await browser.person({ home })];
  look(owner);
  const button = (name, within = owner) => within.getByRole('button', { name, exact: typeof name === 'string' });
  const row = (name, within = owner) => within.locator('.row').filter({ has: within.locator('.row-main > b').getByText(name, { exact: true }) });
  const sheet = (name) => owner.getByRole('dialog', { name, exact: true });
  const notice = (text) => owner.locator('.notice').filter({ hasText: text });
  const gone = (locator) => locator.waitFor({ state: 'detached' });
  const call = (key, method, path, body) => fetch(home + path, { method, body, headers: { Authorization: `Bearer ${key}`, ...(typeof body === 'string' ? { 'Content-Type': 'application/json' } : {}) } });
  const status = async (key) => (await call(key, 'GET', '/v1/queue')).status;
  /** The same screen at every size, in the light and in the dark. */
  const screens = (name, path, open) => check(`the screen “${name}” holds at every size`, async () => {
    const state = await owner.context().storageState();
    for (const [size, { width, height, touch }] of Object.entries(SIZES)) {
      const seen = await browser.person({ width, height, touch, state, home });
      look(seen);
      await seen.goto(home + path);
      await open(seen);
      for (const theme of ['light', 'dark']) {
        await seen.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
        if (pictures) await seen.screenshot({ path: join(pictures, `${name.replaceAll(' ', '-')}-${size}-${theme}.png`), fullPage: !await seen.getByRole('dialog').count() });
        if (size === 'phone') assert.deepEqual(await accessFaults(seen), [], theme);
      }
      assert.deepEqual(await layoutFaults(seen), [], size);
      await seen.context().close();
    }
    look(owner);
  });

  let secret = '';
  try {
    await keys();
    await roles();
    await audit();
  } finally {
    // Nobody looks at a page whose server is about to be killed.
    await Promise.all([owner.context().close(), ben.context().close()]);
    await up.kill();
  }

  async function keys() {
    await check('a key is made from a preset, and its first call works just as it is shown', async () => {
      await owner.goto(link);
      await owner.getByRole('link', { name: 'Keys' }).click();
      await button('New key').first().click();
      const form = sheet('New API key');
      await form.getByLabel('Name', { exact: true }).fill('Workshop');
      await form.getByLabel('What it is for').selectOption({ label: 'Contractor' });
      await form.getByText('brings files, queues them').waitFor();
      await form.getByText('after 30 days').waitFor();
      await form.getByLabel('Only from these networks').fill('300.1.1.0/24');
      await button('Make the key', form).click();
      await form.locator('.field.wrong').waitFor();
      browser.expected(/^4(00|22) POST \/v1\/api_keys$/);
      await form.getByLabel('Only from these networks').fill('127.0.0.0/8 ::1/128');
      await form.getByLabel('A minute').fill('500');
      await form.getByLabel('At once').fill('90');
      await button('Make the key', form).click();
      await form.locator('.call').waitFor();
      secret = await form.getByRole('textbox').first().inputValue();
      assert.match(secret, /^gty_(live|test)_\w{36}$/);
      const curl = await form.locator('.call').textContent();
      const said = await new Promise((done, failed) => execFile('bash', ['-c', curl.replace('curl ', 'curl -sS --fail-with-body --noproxy "*" ')], (error, out) => (error ? failed(new Error(`${error}: ${out}`)) : done(JSON.parse(out)))));
      assert.deepEqual(said.entries, []);
    });
    await screens('made key', '/keys', async (seen) => {
      await seen.getByRole('button', { name: 'New key' }).first().click();
      await seen.getByLabel('Name', { exact: true }).fill('Passing by');
      await seen.getByRole('option', { name: 'Contractor' }).waitFor({ state: 'attached' });
      await seen.getByRole('button', { name: 'Make the key' }).click();
      await seen.locator('.call').waitFor();
    });
    await check('when the sheet is closed, the key is seen nowhere any more', async () => {
      await button('I have it').click();
      await row('Workshop').waitFor();
      assert(!(await owner.content()).includes(secret));
      await row('Workshop').getByRole('link', { name: 'Open' }).click();
      await sheet('Workshop').getByText('500 a minute, 90 at once').waitFor();
      assert(!(await owner.content()).includes(secret));
    });
    await check('a key is changed in what it holds, and one that is paused opens nothing until it is resumed', async () => {
      const open = sheet('Workshop');
      await button('Change', open).click();
      await open.getByLabel('Only printers with one of these tags').fill('rack-a');
      await open.locator('input[value="spool.view"]').check();
      await button('Save', open).click();
      await notice('Workshop saved').waitFor();
      await open.getByText('rack-a').waitFor();
      await open.getByText('spool.view').waitFor();
      await button('Pause', open).click();
      await open.getByText('paused', { exact: true }).waitFor();
      assert.equal(await status(secret), 401);
      await button('Resume', open).click();
      await open.getByText('active', { exact: true }).waitFor();
      assert.equal(await status(secret), 200);
    });
    await check('a new secret opens beside the old one, until the old one is ended', async () => {
      const old = secret;
      await button('New secret', sheet('Workshop')).click();
      await button('Make a new secret').click();
      await owner.getByRole('dialog').getByText('the old secret opens too until').waitFor();
      secret = await owner.getByRole('dialog').getByRole('textbox').first().inputValue();
      await button('I have it').click();
      assert.deepEqual([await status(old), await status(secret)], [200, 200]);
      await row('Workshop').getByText('the old secret opens too until').waitFor();
      await button('End the old secret', sheet('Workshop')).click();
      await button('End it now', sheet('Workshop')).click();
      await gone(button('End it now', sheet('Workshop')));
      await gone(row('Workshop').getByText('the old secret opens too until'));
      assert.deepEqual([await status(old), await status(secret)], [401, 200]);
    });
    await check('what a key made is shown with it, is held together and cancelled together', async () => {
      await button('Change', sheet('Workshop')).click();
      await sheet('Workshop').getByLabel('Only printers with one of these tags').fill('');
      await button('Save', sheet('Workshop')).click();
      await button('Change', sheet('Workshop')).waitFor();
      const form = new FormData();
      form.append('file', new Blob([gcode('MK4S', 60)]), 'bracket.gcode');
      const file = await (await call(secret, 'POST', '/v1/files', form)).json();
      for (const name of ['Left bracket', 'Right bracket']) {
        const made = await call(secret, 'POST', '/v1/jobs', JSON.stringify({ file_id: file.id, name }));
        assert(made.status < 300, await made.text());
      }
      await owner.reload();
      const things = sheet('Workshop').locator('.rows');
      await things.getByText('waiting').first().waitFor();
      await button('Hold what waits', sheet('Workshop')).click();
      await notice('2 jobs held').waitFor();
      await things.getByText('held').first().waitFor();
    });
    const id = new URL(owner.url()).pathname;
    await screens('one key', id, (seen) => seen.locator('.rows').getByText('held').first().waitFor());
    await screens('change key', id, async (seen) => {
      await seen.getByRole('button', { name: 'Change' }).click();
      await seen.getByLabel('A minute').waitFor();
    });
    await check('all that is open of it is cancelled by one press and a yes', async () => {
      await button('Cancel all that is open', sheet('Workshop')).click();
      await button('Cancel every open job of Workshop', sheet('Workshop')).click();
      await notice('2 jobs cancelled').waitFor();
      await sheet('Workshop').locator('.rows').getByText('cancelled').first().waitFor();
    });
  }

  async function roles() {
    let invitation = '';
    await check('a role is made, and somebody is invited with it and one permission beside it', async () => {
      await owner.goto(`${home}/people`);
      await owner.getByRole('link', { name: 'Roles', exact: true }).click();
      await owner.getByText('Built-in roles').waitFor();
      await button('New role').click();
      const form = sheet('New role');
      await form.getByLabel('Name', { exact: true }).fill('Packer');
      for (const one of ['job.view', 'queue.view', 'printer.view']) await form.locator(`input[value="${one}"]`).check();
      await button('Save', form).click();
      await row('Packer').getByText('Nobody has it').waitFor();
      await owner.getByRole('link', { name: 'People', exact: true }).first().click();
      await button('Invite').click();
      const who = owner.getByRole('dialog');
      await who.getByLabel('Name', { exact: true }).fill('Ben');
      await who.getByLabel('E-mail address').fill('ben@farm.example');
      await who.getByLabel('Role', { exact: true }).selectOption({ label: 'Packer' });
      await who.locator('summary').click();
      await who.locator('input[value="file.view"]').check();
      await button('Invite', who).click();
      invitation = await who.locator('.copyable input').inputValue();
      await button('I have it').click();
      await row('Ben').getByText('1 permissions').waitFor();
      look(ben);
      await ben.goto(invitation);
      await ben.getByText('You are signed in by a link').waitFor();
      assert.equal(await ben.getByRole('link', { name: 'Keys' }).count(), 0);
      await ben.getByRole('link', { name: 'Files' }).waitFor();
      look(owner);
    });
    await screens('roles', '/people/roles', (seen) => row('Packer', seen).getByText('Had by Ben').waitFor());
    await screens('change person', '/people', async (seen) => {
      await row('Ben', seen).getByRole('button', { name: 'Change' }).click();
      await seen.getByRole('dialog').locator('summary').click();
      await seen.locator('input[value="file.view"]').waitFor();
    });
    await check('a role that somebody has is not removed, and one that opens less is felt at once', async () => {
      await owner.goto(`${home}/people/roles`);
      await button('Remove', row('Packer')).click();
      await button('Remove Packer', row('Packer')).click();
      await notice('Ben has the role').waitFor();
      assert(browser.expected(/^409 DELETE \/v1\/roles\//));
      await button('Change', row('Packer')).click();
      await sheet('Packer').locator('input[value="queue.view"]').uncheck();
      await button('Save', sheet('Packer')).click();
      await notice('Packer saved').waitFor();
      look(ben);
      await ben.goto(home);
      await ben.getByRole('link', { name: 'Printers' }).waitFor();
      assert.equal(await ben.getByRole('link', { name: 'Queue' }).count(), 0);
      look(owner);
    });
    await check('a key that is handed over holds no more than its new person, and says what it lacks and why', async () => {
      await owner.goto(`${home}/keys`);
      await row('Workshop').getByRole('link', { name: 'Open' }).click();
      await button('Hand over', sheet('Workshop')).click();
      await owner.getByLabel('To', { exact: true }).selectOption({ label: 'Ben' });
      await button('Hand over').click();
      await notice('Workshop is with Ben now').waitFor();
      await sheet('Workshop').getByText('but Ben, who stands for it, does not hold them now').waitFor();
      await sheet('Workshop').locator('[data-gone="true"]').getByText('job.create').waitFor();
      await row('Workshop').getByText(/lacks \d+ of what it was given/).waitFor();
    });
    await screens('key that lacks', new URL(owner.url()).pathname, (seen) => seen.locator('[data-gone="true"]').first().waitFor());
    await check('a revoked key offers nothing more, and opens nothing', async () => {
      await button('Revoke', sheet('Workshop')).click();
      await button('Revoke Workshop', sheet('Workshop')).click();
      await sheet('Workshop').getByText('revoked', { exact: true }).waitFor();
      assert.equal(await status(secret), 401);
      assert.equal(await button('Change', sheet('Workshop')).count(), 0);
      await button('Close', sheet('Workshop')).click();
      await gone(sheet('Workshop'));
    });
  }

  async function audit() {
    const entries = owner.locator('.audit-row');
    await check('the audit tells who changed what, newest first, and opens to before and after', async () => {
      await owner.getByRole('link', { name: 'Audit' }).click();
      await entries.first().getByText('revoke api key').waitFor();
      await owner.getByLabel('What was done').fill('edit role');
      await owner.getByLabel('What was done').press('Tab');
      await owner.waitForFunction(() => document.querySelectorAll('.audit-row').length === 1);
      assert.match(owner.url(), /operation=edit_role/);
      await button('Details', entries.first()).click();
      await entries.first().locator('del').getByText('queue.view').waitFor();
      await entries.first().getByRole('cell', { name: '–' }).waitFor();
    });
    await screens('audit entry', '/audit?operation=edit_role', async (seen) => {
      await seen.getByRole('button', { name: 'Details' }).click();
      await seen.locator('del').first().waitFor();
    });
    await check('it is looked through by who, by thing, by farm and by day', async () => {
      await button('Show all').click();
      await owner.getByLabel('Who').selectOption({ label: 'Workshop (API key)' });
      await entries.first().getByText('create job').waitFor();
      await gone(entries.getByText('revoke api key'));
      await owner.getByLabel('Who').selectOption({ label: 'Anybody' });
      await owner.getByLabel('Thing').fill('workshop');
      await owner.getByLabel('Thing').press('Tab');
      await entries.getByText('hand over api key').waitFor();
      await gone(entries.getByText('create role'));
      await button('Show all').click();
      await owner.getByLabel('Farm', { exact: true }).selectOption({ index: 1 });
      await entries.getByText('create job').first().waitFor();
      await gone(entries.getByText('create role'));
      await owner.getByLabel('To', { exact: true }).fill('2020-01-01');
      await owner.getByText('Nothing was found').waitFor();
      await button('Show all').click();
      await entries.getByText('create role').waitFor();
    });
    await check('what was found is brought home as a table and as lines', async () => {
      await owner.getByLabel('What was done').fill('create role');
      await owner.getByLabel('What was done').press('Tab');
      await owner.waitForFunction(() => document.querySelectorAll('.audit-row').length === 1);
      for (const [name, lines] of [['CSV', 2], ['JSONL', 1]]) {
        const [download] = await Promise.all([owner.waitForEvent('download'), owner.getByRole('link', { name, exact: true }).click()]);
        const text = await readFile(await download.path(), 'utf8');
        assert.equal(text.trim().split('\n').length, lines, text);
        assert(text.includes('create_role') && text.includes('Packer'), text);
      }
      await button('Show all').click();
    });
    await check('one press says in words whether every entry is there, unchanged', async () => {
      await button('Verify').click();
      await owner.getByText(/^The store’s accounts: whole\. All \d+ entries are there, unchanged\.$/).waitFor();
      await owner.getByText(/^Farm: whole\./).waitFor();
    });
    await screens('audit', '/audit', async (seen) => {
      await seen.getByRole('button', { name: 'Verify' }).click();
      await seen.getByText(/^Farm: whole\./).waitFor();
      await seen.locator('.audit-row').first().waitFor();
    });
  }
}
