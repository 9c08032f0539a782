// Takes pictures of pages with the browser of the machine. Standard input is JSON:
//   {"browser": "/usr/bin/chromium", "timeZone": "Asia/Shanghai", "theme": "dark",
//    "shots": [{"url": "http://…", "file": "a.png", "width": 1600, "height": null}]}
// A shot without a height is a dashboard of the preview, taken whole.
// Standard output: one line of JSON a picture, {"file", "outcomes": [{"panel", "empty", "error"}]}.
import { chromium } from 'playwright-core';

const PATIENCE = 60_000;

async function read() {
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
  }
  return JSON.parse(text);
}

async function shoot(browser, { url, file, width, height }, timezoneId, colorScheme) {
  const viewport = { width, height: height ?? 900 };
  const page = await browser.newPage({ viewport, timezoneId, colorScheme });
  page.setDefaultTimeout(PATIENCE);
  const mistakes = [];
  page.on('pageerror', (error) => mistakes.push({ panel: 'page', error: error.message }));
  await page.goto(url);
  const outcomes = height ? [] : await whole(page, width);
  await page.screenshot({ path: file, animations: 'disabled' });
  await page.close();
  return { file, outcomes: [...outcomes, ...mistakes] };
}

// A window as high as the page rather than a picture beyond it: tables draw the rows in sight.
async function whole(page, width) {
  await page.waitForSelector('html[data-outcomes]', { state: 'attached' });
  const height = await page.evaluate('document.documentElement.scrollHeight');
  await page.setViewportSize({ width, height });
  await page.waitForLoadState('networkidle');
  return JSON.parse(await page.getAttribute('html', 'data-outcomes'));
}

const { browser: executablePath, timeZone, theme, shots } = await read();
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--hide-scrollbars'],
});
try {
  for (const shot of shots) {
    console.log(JSON.stringify(await shoot(browser, shot, timeZone, theme)));
  }
} finally {
  await browser.close();
}
