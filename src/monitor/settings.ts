/** What the ini says of statistics, metrics and health. @pure */

import type { Place } from "../platform/problem.ts";
import type { ListenerConfig } from "../server/settings.ts";
import type { Address } from "../wire/address.ts";

export interface MonitorAddress {
  readonly address: Address;
  readonly place: Place;
}

/** A viewer reads, an operator acts; a producer, which is a program with a token, only adds tasks. */
export type HttpRole = "operator" | "viewer" | "producer";

/** Who may ask over HTTP. */
export interface HttpUser {
  readonly user: string;
  /** Of a producer its token. */
  readonly password: string;
  readonly role: HttpRole;
}

export interface MonitorConfig {
  readonly stats: readonly MonitorAddress[];
  /** Statistics come with the header of an HTTP answer. */
  readonly statsHttp: boolean;
  readonly statsMinified: boolean;
  readonly http: readonly ListenerConfig[];
  /** None is anybody who reaches the socket. */
  readonly httpUsers: readonly HttpUser[];
  /** Nobody acts over HTTP. */
  readonly httpReadonly: boolean;
}
