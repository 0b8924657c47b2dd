/** The attacks of a siege on `http-socket`: as those of attacks.ts. */

import { pause } from "../../support/until.ts";
import { type Attack, drain, send } from "./attack.ts";
import type { Address } from "./target.ts";

const connect = ({ httpPort }: Address) => Deno.connect({ hostname: "127.0.0.1", port: httpPort });

const encoded = (text: string) => new TextEncoder().encode(text);

/** With the Host that the socket takes. */
const head = (first: string, ...more: string[]) =>
  encoded([`${first} HTTP/1.1`, "Host: 127.0.0.1", ...more, "", ""].join("\r\n"));

const form = (fields: Record<string, string>) => String(new URLSearchParams(fields));
const EVIL = "<script>alert(1)</script>";

export const HTTP_ATTACKS: readonly Attack[] = [
  {
    name: "HTTP: heads that never end",
    crowd: 500,
    async play(address) {
      using connection = await connect(address);
      await send(connection, encoded("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"));
      while (true) {
        await pause(1000);
        await send(connection, encoded("X-More: b\r\n"));
      }
    },
  },
  {
    name: "HTTP: heads of megabytes",
    crowd: 20,
    async play(address) {
      using connection = await connect(address);
      await send(connection, encoded("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: "));
      const piece = new Uint8Array(64 * 1024).fill(0x61);
      for (let n = 0; n < 64; n++) await send(connection, piece);
      await drain(connection);
    },
  },
  {
    name: "HTTP: bodies that never come",
    crowd: 100,
    async play(address) {
      using connection = await connect(address);
      const about = ["Content-Type: application/json", "Content-Length: 4000000"];
      await send(connection, head("POST /api/push", ...about), new Uint8Array(1000));
      await drain(connection);
    },
  },
  {
    name: "HTTP: pages that nobody reads",
    crowd: 30,
    async play(address) {
      using connection = await connect(address);
      const requests = new Uint8Array(64 * 1024);
      const one = head("GET /api/tasks?limit=1000");
      for (let at = 0; at + one.length <= requests.length; at += one.length) {
        requests.set(one, at);
      }
      while (true) await send(connection, requests);
    },
  },
  {
    name: "HTTP: searches that find nothing",
    crowd: 8,
    async play(address) {
      using connection = await connect(address);
      drain(connection).catch(() => {});
      const query = new URLSearchParams({ q: `${EVIL}${crypto.randomUUID()}`, limit: "1000" });
      for (let n = 0; n < 10; n++) await send(connection, head(`GET /tasks?${query}`));
      await pause(1000);
    },
  },
  {
    name: "HTTP: streams of tasks that do not run",
    crowd: 300,
    async play(address) {
      using connection = await connect(address);
      const name = `uwsgi_spoolfile_on_siege_1_${Math.floor(Math.random() * 1e6)}_1_1_1`;
      await send(connection, head(`GET /output/spool/${name}`));
      await drain(connection);
    },
  },
  {
    name: "HTTP: foreign names, forged forms, wrong tokens",
    crowd: 20,
    async play(address) {
      using connection = await connect(address);
      drain(connection).catch(() => {});
      const body = form({ do: "remove", all: "yes", state: "ready", sure: "yes", token: EVIL });
      const about = [
        "Content-Type: application/x-www-form-urlencoded",
        `Content-Length: ${body.length}`,
      ];
      const requests = [
        head("POST /tasks", "Sec-Fetch-Site: cross-site", ...about),
        head("POST /tasks", "Sec-Fetch-Site: same-origin", ...about),
        head("POST /api/tasks", "X-Spooler-Token: 0000", ...about),
      ];
      for (const each of requests) await send(connection, each, encoded(body));
      await send(connection, encoded("GET /api/token HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
      await pause(100);
    },
  },
  {
    name: "HTTP: garbage",
    crowd: 20,
    async play(address) {
      using connection = await connect(address);
      await send(connection, crypto.getRandomValues(new Uint8Array(20_000)));
      await drain(connection);
    },
  },
];
