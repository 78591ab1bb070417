import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendUpdate } from '../../apps/server/src/adapters/dns/send-update.ts';
import { type DnsTestServer, describeWithDns, startDnsServer } from '../support/dns-server.ts';

describeWithDns('an update of DNS', () => {
  let server: DnsTestServer;
  beforeAll(async () => {
    server = await startDnsServer();
  });
  afterAll(() => server.remove());

  const where = () => ({ host: '127.0.0.1', port: server.port });
  const update = { zone: 'example.test', name: 'Mill.example.test.', ttlSeconds: 3 };

  it('replaces all addresses of a name, of both kinds, with their time to live', async () => {
    const addresses = ['192.0.2.7', '192.0.2.8', '2001:db8::7:0:1', '::ffff:1.2.3.4'];
    await sendUpdate(where(), { ...update, addresses }, server.key);
    const four = await server.resolver.resolve4('mill.example.test', { ttl: true });
    expect(four.map(({ address }) => address).sort()).toEqual(['192.0.2.7', '192.0.2.8']);
    expect(four.map(({ ttl }) => ttl)).toEqual([3, 3]);
    const six = await server.resolver.resolve6('mill.example.test');
    expect(six.sort()).toEqual(['2001:db8::7:0:1', '::ffff:1.2.3.4']);
    await sendUpdate(where(), { ...update, addresses: ['192.0.2.9'] }, server.key);
    expect(await server.resolver.resolve4('mill.example.test')).toEqual(['192.0.2.9']);
    await expect(server.resolver.resolve6('mill.example.test')).rejects.toMatchObject({ code: 'ENODATA' });
  });

  it('fails with a word of the server when the key or the zone is another', async () => {
    const other = { name: server.key.name, secret: Buffer.from('another secret').toString('base64') };
    const addresses = ['192.0.2.1'];
    await expect(sendUpdate(where(), { ...update, addresses }, other)).rejects.toThrow('NOTAUTH');
    const elsewhere = { ...update, zone: 'example.org', name: 'mill.example.org', addresses };
    await expect(sendUpdate(where(), elsewhere, server.key)).rejects.toThrow('refused the update');
  });
});
