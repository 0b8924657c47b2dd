/**
 * The dashboard in a real browser: each page in both colours and on a phone, for keyboards, without a
 * script, and by axe's rules of accessibility. With SPOOLER_SCREENSHOTS=1 it writes those of docs/.
 */

import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { assert, assertEquals } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { pause, until } from "../support/until.ts";

const PAGES = ["", "tasks", "history", "schedules", "workers", "targets", "configuration", "push"];
const SCREENSHOTS = Deno.env.get("SPOOLER_SCREENSHOTS") === "1";
const DOCS = new URL("../../docs/", import.meta.url).pathname;
const EVIL = `<img src=x onerror="document.title='hacked'">`;

const nameOf = (n: number) => `uwsgi_spoolfile_on_web1_4711_${n}_1_17000000${n}_000001`;

async function shopSite(): Promise<Site> {
  const site = await makeSite(
    ...["http-socket = 127.0.0.1:0", "spooler-output = all"],
    ...["spooler-task = name=send_mail echo sent", "spooler-task = name=thumbnail exit 65"],
    "spooler-task = name=report echo reading orders; for n in 1 2 3; do echo day $n: 412 orders; done;" +
      " echo 'day 4: no file' >&2; sleep 1000",
    "cron2 = name=nightly_backup,minute=30,hour=2 true",
    // Every eight hours: of the next three at least one is tomorrow, and has its date.
    "cron2 = name=rates,minute=7,hour=-8 echo EUR 1.08; echo USD 1.00",
    "spooler-forward = archive 127.0.0.1:9",
  );
  for (let n = 10; n < 22; n++) {
    const vars = { ud_spool_func: "thumbnail", path: `/img/${n}.jpg`, note: EVIL };
    await writeTask(`${site.spool}/failed`, nameOf(n), vars);
    const record = { reason: "exit code 65", failedAt: 1_795_800_000_000, attempts: null };
    await Deno.writeTextFile(`${site.spool}/failed/${nameOf(n)}.json`, JSON.stringify(record));
  }
  return site;
}

async function serious(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run(document)") as axe.AxeResults;
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(" | ")}`);
}

/** Beside the whole suite it could not start for 90 s, whatever it is that it does not get then. */
async function launched(): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  for (let triesLeft = 150;; triesLeft--) {
    try {
      return await chromium.launch({ executablePath: "/usr/bin/chromium", args });
    } catch (error) {
      if (triesLeft === 0) throw error;
      await pause(1000);
    }
  }
}

const browserTest = (name: string, body: () => Promise<void>) => testWith("chromium", name, body);

browserTest(
  "each page: light, dark and on a phone, accessible, and no markup of others",
  async () => {
    await using site = await shopSite();
    await using program = await site.start();
    const url = `http://${await monitorAddress(program, "http")}/`;
    const task = `tasks/spool/failed/${nameOf(12)}`;
    for (let n = 31; n < 37; n++) {
      const func = n % 3 === 0 ? "thumbnail" : "send_mail";
      await writeTask(site.spool, nameOf(n), { ud_spool_func: func, to: `user${n}@example.org` });
    }
    await program.line(/(?:send_mail .* done|thumbnail .* given up)/, 6);
    const { token } = await (await fetch(`${url}api/token`)).json();
    const asked = await fetch(`${url}api/schedules`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-spooler-token": token },
      body: JSON.stringify({ do: "run", job: "rates" }),
    });
    await asked.body?.cancel();
    await program.line(/job rates done/);
    await writeTask(site.spool, nameOf(30), { ud_spool_func: "report", month: "11" });
    await program.line(/report .* started/);
    const running = `tasks/spool/${nameOf(30)}`;
    // What it has printed is in the history soon.
    const shown = async (path: string) => await (await fetch(url + path)).text();
    await until(async () => (await shown(running)).includes("day 4"), "its output");
    await until(async () => /EUR/.test(await shown("schedules/rates")), "the job's output");
    const browser = await launched();
    try {
      for (
        const [colorScheme, width] of [["light", 1200], ["dark", 1200], ["light", 390]] as const
      ) {
        // The policy of the pages lets nobody else's script in: this one's is to see them, not to be one.
        const context = await browser.newContext({
          colorScheme,
          viewport: { width, height: 800 },
          bypassCSP: true,
        });
        const page = await context.newPage();
        const errors: string[] = [];
        page.on("pageerror", (error) => errors.push(String(error)));
        const more = [task, running, `tasks/spool/${nameOf(31)}`, "schedules/rates"];
        for (const path of [...PAGES, ...more]) {
          await page.goto(url + path);
          assert((await page.title()).includes("spooler on"), await page.title());
          if (width > 500) assertEquals(await serious(page), [], `${path}, ${colorScheme}`);
          const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          assert(Number(overflow) <= 0, `${path} is ${overflow} px too wide at ${width}`);
          if (SCREENSHOTS) await shoot(page, path, colorScheme, width);
        }
        assertEquals(errors, []);
        await context.close();
      }
    } finally {
      await browser.close();
    }
  },
);

async function shoot(page: Page, path: string, scheme: string, width: number): Promise<void> {
  const wanted: Record<string, string> = {
    " light 1200": "dashboard.png",
    "history dark 1200": "dashboard-history.png",
    [`tasks/spool/${nameOf(30)} light 1200`]: "dashboard-task.png",
    "schedules/rates light 1200": "dashboard-job.png",
    "schedules light 1200": "dashboard-schedules.png",
    " light 390": "dashboard-phone.png",
  };
  const file = wanted[`${path} ${scheme} ${width}`];
  if (file !== undefined) await page.screenshot({ path: DOCS + file });
}

browserTest("by keyboard alone, and without a script: choose, ask, retry", async () => {
  await using site = await shopSite();
  await using program = await site.start();
  const url = `http://${await monitorAddress(program, "http")}/`;
  const browser = await launched();
  try {
    for (const javaScriptEnabled of [true, false]) {
      const context = await browser.newContext({ javaScriptEnabled });
      const page = await context.newPage();
      await page.goto(`${url}tasks?state=failed`);
      await page.keyboard.press("Tab");
      assertEquals(await page.locator(":focus").textContent(), "Skip to the content");
      await page.getByLabel(/^Choose web1/).first().focus();
      await page.keyboard.press("Space");
      await page.getByRole("button", { name: "Remove…" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Remove 1 task" }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("1 task removed.").waitFor();
      await context.close();
    }
    const page = await browser.newPage();
    await page.goto(`${url}tasks?state=failed`);
    await page.getByRole("link", { name: "Retry all…" }).click();
    await page.getByRole("button", { name: "Retry 10 tasks" }).click();
    assertEquals(
      await page.getByRole("status").textContent({ timeout: 5000 }),
      "10 tasks retried.",
    );
    await page.goto(url);
    await page.getByRole("button", { name: "Pause spool" }).click();
    await page.getByText("1 spool paused.").waitFor();
    await page.goto(`${url}schedules`);
    await page.getByRole("button", { name: "Run now: rates" }).click();
    await page.getByText("1 job started.").waitFor();
    await page.goto(`${url}push`);
    await page.getByLabel("Function").fill("send_mail");
    await page.getByRole("button", { name: "Add the task" }).click();
    await page.getByText("1 task added.").waitFor();
  } finally {
    await browser.close();
  }
});
