// People on the floor: an operator with a PIN at a tablet, and a phone that is added by the link in the QR code. The owner gives and takes
// away; whoever is taken away sees the door within two seconds, without touching anything.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { accessFaults, layoutFaults, SIZES } from './looks.mjs';

const PIN = '482913';

/** @param {{browser: import('./browser.mjs').Browser, url: string, owner: any, pictures?: string, check: Function, look: (page: any) => void}} told */
export async function people({ browser, url, owner, pictures, check, look }) {
  const button = (page, name) => page.getByRole('button', { name, exact: typeof name === 'string' });
  const row = (name) => owner.locator('.row').filter({ has: owner.locator('.row-main > b').getByText(name, { exact: true }) });
  const door = (page) => page.getByRole('heading', { name: 'Sign in to the farm' }).waitFor({ timeout: 4_000 });
  const wall = (page) => page.locator('.tile').first().waitFor();
  /** The pages that must be pictured, judged and measured at every size. */
  const holds = async (page, name) => {
    look(page);
    for (const theme of ['light', 'dark']) {
      await page.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
      if (pictures) await page.screenshot({ path: join(pictures, `${name}-${theme}.png`), fullPage: true });
      assert.deepEqual(await accessFaults(page), [], theme);
    }
    assert.deepEqual(await layoutFaults(page), []);
  };
  const signedOut = () => browser.expected(/^401 GET /);
  look(owner);

  await check('the owner adds an operator, and a PIN that is tried first is refused at its field', async () => {
    await owner.goto(`${url}/floor`);
    await button(owner, 'Add operator').click();
    await owner.getByLabel('Name', { exact: true }).fill('Anna');
    await owner.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
    await row('Anna').getByText('no PIN').waitFor();
    await row('Anna').getByRole('button', { name: 'Set PIN' }).click();
    await owner.getByLabel('PIN', { exact: true }).fill('123456');
    await owner.getByRole('dialog').getByRole('button', { name: 'Set PIN' }).click();
    await owner.locator('.field.wrong').waitFor();
    assert(browser.expected(/^422 POST \/v1\/operators\/opr_/));
    await owner.getByLabel('PIN', { exact: true }).fill(PIN);
    await owner.getByRole('dialog').getByRole('button', { name: 'Set PIN' }).click();
    await row('Anna').getByText('no PIN').waitFor({ state: 'detached' });
  });

  await check('the screen of the people holds at every size', async () => {
    const state = await owner.context().storageState();
    for (const [size, { width, height, touch }] of Object.entries(SIZES)) {
      const seen = await browser.person({ width, height, touch, state });
      await seen.goto(`${url}/floor`);
      await seen.locator('.row').first().waitFor();
      await holds(seen, `people-${size}`);
      await seen.context().close();
    }
    look(owner);
  });

  const tablet = await browser.person(SIZES.tablet);
  await check('at the door the operator taps a name and a PIN; a wrong one says so', async () => {
    look(tablet);
    await tablet.goto(url);
    await door(tablet);
    assert(signedOut());
    await holds(tablet, 'door');
    await button(tablet, 'Anna').click();
    for (const digit of '907264') await button(tablet, digit).click();
    await button(tablet, 'Sign in').click();
    await tablet.getByRole('alert').getByText('The PIN is not right').waitFor();
    assert(browser.expected(/^401 POST \/v1\/sessions$/));
    await holds(tablet, 'pin');
    for (const digit of PIN) await button(tablet, digit).click();
    await button(tablet, 'Sign in').click();
    await wall(tablet);
  });

  await check('the operator works, and does not see what only the owner may do', async () => {
    const more = button(tablet, 'Menu');
    if (await more.isVisible()) await more.click();
    await tablet.getByText('Anna', { exact: true }).waitFor();
    assert.equal(await tablet.getByRole('link', { name: 'Floor' }).count(), 0);
    assert.equal(await tablet.getByRole('link', { name: 'Keys' }).count(), 0);
    await tablet.getByRole('link', { name: /Queue/ }).click();
    await tablet.getByRole('link', { name: /Running/ }).waitFor();
  });

  await check('an operator changes their own PIN with the one that is set', async () => {
    const more = button(tablet, 'Menu');
    if (await more.isVisible()) await more.click();
    await tablet.getByRole('link', { name: 'Anna' }).click();
    await tablet.getByLabel('Present PIN').fill('907264');
    await tablet.getByLabel('New PIN').fill('735182');
    await button(tablet, 'Change PIN').click();
    await tablet.locator('.notice').filter({ hasText: 'The PIN is not right' }).waitFor();
    assert(browser.expected(/^401 POST \/v1\/me\/pin$/));
    await holds(tablet, 'own-pin');
    await tablet.getByLabel('Present PIN').fill(PIN);
    await button(tablet, 'Change PIN').click();
    await tablet.locator('.notice').filter({ hasText: 'The PIN is changed' }).waitFor();
    await tablet.getByRole('link', { name: /Queue/ }).click();
    await tablet.getByRole('link', { name: /Running/ }).waitFor();
  });

  const phone = await browser.person(SIZES.phone);
  const late = await browser.person(SIZES.phone);
  await check('a phone is added by the link of the QR code and gives itself a name; the link works once', async () => {
    look(owner);
    await button(owner, 'Add a phone or tablet').click();
    await holds(owner, 'add-device');
    await button(owner, 'Show the link').click();
    await owner.getByRole('img', { name: 'The link as a QR code' }).waitFor();
    const link = await owner.getByRole('dialog').getByRole('textbox').inputValue();
    assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/#device=\w{32}$/);
    await holds(owner, 'device-link');
    look(phone);
    await phone.goto(link);
    assert.equal(new URL(phone.url()).hash, '', 'the token does not stay in the history');
    await holds(phone, 'add-this-device');
    await phone.getByLabel('Name of this device').fill('Berta’s phone');
    await button(phone, 'Add').click();
    await wall(phone);
    await owner.getByText('Berta’s phone added').waitFor();
    await owner.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
    await row('Berta’s phone').waitFor();
    look(late);
    await late.goto(link);
    await late.getByLabel('Name of this device').fill('Too late');
    await button(late, 'Add').click();
    await late.getByRole('alert').getByText('The link was used before').waitFor();
    assert(browser.expected(/^401 POST \/v1\/sessions$/));
    await late.context().close();
    assert.equal(await row('Too late').count(), 0);
  });

  await check('whoever is paused or removed sees the door by itself', async () => {
    look(owner);
    await row('Berta’s phone').getByRole('button', { name: 'Remove', exact: true }).click();
    await row('Berta’s phone').getByRole('button', { name: 'Remove Berta’s phone' }).click();
    await row('Berta’s phone').waitFor({ state: 'detached' });
    await row('Anna').getByRole('button', { name: 'Pause' }).click();
    await row('Anna').getByText('paused').waitFor();
    look(phone);
    await phone.getByRole('heading', { name: 'Sign in to the farm' }).waitFor({ timeout: 15_000 });
    look(tablet);
    await tablet.getByRole('heading', { name: 'Sign in to the farm' }).waitFor({ timeout: 15_000 });
    assert(signedOut());
    // Nobody is left to tap: the door asks for the owner's password.
    await tablet.getByLabel('Password').waitFor();
    look(owner);
    await row('Anna').getByRole('button', { name: 'Remove', exact: true }).click();
    await row('Anna').getByRole('button', { name: 'Remove Anna' }).click();
    await owner.getByText('No operators yet').waitFor();
  });

  await check('the owner sets a password and comes in by it', async () => {
    await button(owner, 'Set password').click();
    await owner.getByLabel('New password').fill('correct horse battery');
    await owner.getByRole('dialog').getByRole('button', { name: 'Set password' }).click();
    await owner.getByRole('dialog').waitFor({ state: 'detached' });
    look(tablet);
    await tablet.getByLabel('Password').fill('correct horse battery');
    await button(tablet, 'Sign in').click();
    await tablet.getByRole('link', { name: 'Keys' }).waitFor();
  });
  await Promise.all([tablet, phone].map((page) => page.context().close()));
  look(owner);
}
