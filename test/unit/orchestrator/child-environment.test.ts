import { expect, test } from "bun:test";
import { childEnvironment } from "../../../src/orchestrator/child-environment.ts";

test("relays and workers get programs, folders and certificates, and none of our secrets", () => {
  const wanted = {
    PATH: "/usr/bin",
    LIVEDUB_MODELS_DIR: "/models",
    // A worker that trusts less than serve does could not reach the sidecar that serve calls ready.
    NODE_EXTRA_CA_CERTS: "/etc/own-ca.pem",
    SSL_CERT_FILE: "/etc/certificates.pem",
    SSL_CERT_DIR: "/etc/certificates",
  };
  const secrets = {
    LIVEDUB_API_TOKEN: "token",
    LIVEDUB_HOOK_SECRET: "secret",
    LIVEDUB_PUBLISH_KEYS: "{}",
    WORKER_STS_API_KEY: "key",
    STS_ENDPOINTS: "[]",
    EGRESS_RULES_JSON: "{}",
    DEEPL_API_KEY: "key",
    AWS_SECRET_ACCESS_KEY: "key",
  };
  expect(childEnvironment({ ...wanted, ...secrets, HOME: undefined })).toEqual(wanted);
});
