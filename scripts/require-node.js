// JavaScript that any Node understands: npm runs it before "start" and "test", which need a newer one.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `Imagemill needs Node 22.13 or newer, and this is ${process.version}. On Linux "npm ci" brings one along: run it first; elsewhere install a newer Node.\n`,
  );
  process.exit(1);
}
