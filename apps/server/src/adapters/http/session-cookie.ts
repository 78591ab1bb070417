import type { FastifyReply } from 'fastify';

/** Sets a cookie that no script reads, or takes it away with an age of 0. */
export function setCookie(reply: FastifyReply, name: string, value: string, maxAgeSeconds: number): void {
  // The prefix `__Host-` is that of a server reached over https alone.
  const secure = name.startsWith('__Host-') ? '; Secure' : '';
  reply.header('set-cookie', `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`);
}
