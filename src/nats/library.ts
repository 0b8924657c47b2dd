/**
 * The packages of NATS. Only `import("./library.ts")` reaches this file: a site without NATS loads none
 * of it.
 */

export {
  AuthorizationError,
  createInbox,
  credsAuthenticator,
  headers,
  nkeyAuthenticator,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  UserAuthenticationExpiredError,
  usernamePasswordAuthenticator,
} from "@nats-io/nats-core";
export { NatsConnectionImpl } from "@nats-io/nats-core/internal";
export {
  AckPolicy,
  DiscardPolicy,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
export { Objm } from "@nats-io/obj";

import { jserrors } from "@nats-io/jetstream/internal";
import { setTransportFactory } from "@nats-io/nats-core/internal";
import { TcpTransport } from "./transport.ts";

setTransportFactory({ factory: () => new TcpTransport(), defaultPort: 4222 });

export const { JetStreamNotEnabled, StreamNotFoundError } = jserrors;
