import { createHmac, hash, randomInt, timingSafeEqual } from 'node:crypto';
import type { Secrets } from '../application/access-ports.ts';

/** Secrets from the operating system's random source. */
export const secrets: Secrets = {
  random: (length, letters) => Array.from({ length }, () => letters[randomInt(letters.length)]).join(''),
  hash: (text) => hash('sha256', text, 'hex'),
  mac: (secret, text) => createHmac('sha256', secret).update(text).digest('base64url'),
  isEqual(a, b) {
    const [left, right] = [Buffer.from(a), Buffer.from(b)];
    return left.length === right.length && timingSafeEqual(left, right);
  },
};
