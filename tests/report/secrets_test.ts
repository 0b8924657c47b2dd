import { maskShapes, Secrets, secretsIn } from "../../src/report/secrets.ts";
import { assertEquals } from "../support/assert.ts";

const SHOWN: [given: string, masked: string][] = [
  ["export DB_PASSWORD=hunter2; ./sync", "export DB_PASSWORD=********; ./sync"],
  ["(X_TOKEN=a;b ./x && Y_TOKEN=c)", "(X_TOKEN=******** ./x && Y_TOKEN=********)"],
  ["API_TOKEN='a b' curl x", "API_TOKEN=******** curl x"],
  ["DB_PASS=x y", "DB_PASS=******** y"],
  ["GITHUB_TOKEN=abc make", "GITHUB_TOKEN=******** make"],
  ["mysql --password hunter2 -h db", "mysql --password ******** -h db"],
  ["mysql --password -h db", "mysql --password -h db"],
  ["mysqldump -phunter2 -h db | gzip -p9", "mysqldump -p******** -h db | gzip -p9"],
  ["mysql -p -u root db; mkdir -p dir", "mysql -p -u root db; mkdir -p dir"],
  ["/usr/bin/mariadb-dump -u root -p'hunter2' db", "/usr/bin/mariadb-dump -u root -p'********' db"],
  ["curl -fs -u bob:hunter2 http://h/", "curl -fs -u bob:******** http://h/"],
  ["curl --user='bob:hunter2' -U=a:b x", "curl --user='bob:********' -U=a:******** x"],
  [
    "curl -u bob http://h:80/; docker run -u 1000:1000 i",
    "curl -u bob http://h:80/; docker run -u 1000:1000 i",
  ],
  ["sshpass -p hunter2 ssh h", "sshpass -p ******** ssh h"],
  ["redis-cli -h r -a hunter2 ping", "redis-cli -h r -a ******** ping"],
  ["curl --token=abc x", "curl --token=******** x"],
  ["pg_dump postgres://me:hunter2@db/x", "pg_dump postgres://me:********@db/x"],
  ['curl -H "Authorization: Bearer abc.def" x', 'curl -H "Authorization: Bearer ********" x'],
  ["curl -H 'X-Api-Key: abc' x", "curl -H 'X-Api-Key: ********' x"],
  ["no key: abc, x-key is set", "no key: abc, x-key is set"],
  ["curl http://host:80/x user@host", "curl http://host:80/x user@host"],
  ["PASSES=3 bypass=no tokens=4 ./x", "PASSES=3 bypass=no tokens=4 ./x"],
];

Deno.test("what looks like a secret is hidden", () => {
  for (const [given, masked] of SHOWN) assertEquals(maskShapes(given), masked);
});

Deno.test("a concurrency-key is the name of a key, and no secret", () => {
  const line = "name=send,concurrency-key=customer,processes=1,api-key=hunter2";
  assertEquals(maskShapes(line), line.replace("hunter2", "********"));
  assertEquals(secretsIn(line), ["hunter2"]);
});

Deno.test("known secrets are hidden wherever they turn up, short ones only in their places", () => {
  const secrets = new Secrets();
  secrets.learn("cron", "* * * * * export DB_PASSWORD=hunter2; ./sync");
  secrets.learn("env", "X_TOKEN=abc");
  assertEquals(secrets.maskKnown("it said hunter2, abc"), "it said ********, abc");
  assertEquals(secrets.mask("X_TOKEN=abc"), "X_TOKEN=********");
  const others = new Secrets();
  others.add(secrets);
  assertEquals(others.maskKnown("hunter2"), "********");
});

Deno.test("an nkey is the file of a seed, and no secret, unless it is the seed itself", () => {
  const file = "spooler-nats = nkey=/etc/spooler/nats.nkey";
  assertEquals(maskShapes(file), file);
  const seed = `SU${"A".repeat(56)}`;
  assertEquals(maskShapes(`spooler-nats = nkey=${seed}`), "spooler-nats = nkey=********");
});
