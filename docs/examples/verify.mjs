// Is a request from otpvoice? Standard Webhooks 1.0.0, with node:crypto only.
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE = 5 * 60; // seconds

// Returns the event's id. Throws where it is not from us, or is sent again by somebody else.
// secrets: "whsec_…", while you change them two. headers: names in small letters. body: a Buffer, as it came.
export function verify(secrets, headers, body) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!(Math.abs(Date.now() / 1000 - Number.parseInt(timestamp, 10)) <= TOLERANCE)) {
    throw new Error("too old, or too new");
  }
  const expected = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    return Buffer.from(`v1,${createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64")}`);
  });
  for (const signature of (headers["webhook-signature"] ?? "").split(" ")) {
    const given = Buffer.from(signature);
    if (expected.some((own) => own.length === given.length && timingSafeEqual(own, given))) {
      return id;
    }
  }
  throw new Error("no signature fits");
}
