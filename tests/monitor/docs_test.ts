/** docs/monitoring.md and examples/monitoring/ beside the code. */

import { EventCounters } from "../../src/report/counters.ts";
import { metricsOf } from "../../src/monitor/metrics.ts";
import type { ProgramSnapshot } from "../../src/report/snapshot.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { testWith } from "../support/require.ts";

const root = new URL("../../", import.meta.url).pathname;

function metricNames(): string[] {
  const nothing: ProgramSnapshot = {
    ...{ version: "", pid: 1, uid: 0, gid: 0, cwd: "", file: "", startedAt: 0, at: 0 },
    ...{ isStopping: false, spools: [], running: [], workers: [], jobs: [], sockets: [] },
    ...{ connections: 0, targets: [], warnings: [] },
  };
  const own = { rssBytes: 0, vszBytes: 0, cpuSeconds: 0, openFiles: 0, maxFiles: null };
  const families = metricsOf(nothing, new EventCounters({ clock: new FakeClock() }), own);
  return families.map(({ name, kind }) => kind === "counter" ? `${name}_total` : name);
}

Deno.test("the page names every metric, and no other", async () => {
  const page = await Deno.readTextFile(`${root}docs/monitoring.md`);
  const named = new Set(
    page.match(/`(?:spooler|process)_[a-z_]+`/g)?.map((each) => each.slice(1, -1)),
  );
  assertEquals([...named].toSorted(), metricNames().toSorted());
});

Deno.test("rules and dashboard use metrics that there are", async () => {
  const names = metricNames();
  for (const file of ["rules.yml", "grafana.json"]) {
    const text = await Deno.readTextFile(`${root}examples/monitoring/${file}`);
    const used = text.match(/\b(?:spooler|process)_[a-z_]+/g) ?? [];
    assert(used.length > 5);
    for (const name of used) {
      assert(names.includes(name.replace(/_bucket$/, "")), `${file} has ${name}`);
    }
    if (file.endsWith("json")) JSON.parse(text);
  }
});

testWith("promtool", "promtool finds nothing wrong with the rules", async () => {
  const { code, stdout, stderr } = await new Deno.Command("promtool", {
    args: ["check", "rules", `${root}examples/monitoring/rules.yml`],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
});
