// Loaded before a program (`node --import`): writes every connection beyond loopback and every name look-up to the
// file that LOOPBACK_ONLY_LOG names, and refuses it.
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import net from 'node:net';

const isLoopback = (host) => host === undefined || host === 'localhost' || host === '::1' || host.startsWith('127.');

function refuse(what) {
  appendFileSync(process.env.LOOPBACK_ONLY_LOG, `${what}\n`);
  throw Object.assign(new Error(`${what} is refused`), { code: 'ENETUNREACH' });
}

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  const [first] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof first === 'object' && first !== null && first.path === undefined && !isLoopback(first.host))
    refuse(`connection to ${first.host}`);
  return connect.apply(this, args);
};

const { lookup } = dns;
dns.lookup = (host, ...rest) => (isLoopback(host) ? lookup(host, ...rest) : refuse(`look-up of ${host}`));
