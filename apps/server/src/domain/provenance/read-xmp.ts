/** The value of a property of an XMP packet, written as an element or an attribute; undefined where it is not there. */
export function readXmpProperty(packet: string, name: string): string | undefined {
  const start = packet.indexOf(`<${name}>`);
  if (start >= 0) {
    const from = start + name.length + 2;
    const end = packet.indexOf(`</${name}>`, from);
    return end < 0 ? undefined : unescapeXml(packet.slice(from, end));
  }
  const attribute = packet.indexOf(` ${name}=`);
  const from = attribute + name.length + 3;
  const quote = packet[from - 1];
  if (attribute < 0 || (quote !== '"' && quote !== "'")) return undefined;
  const end = packet.indexOf(quote, from);
  return end < 0 ? undefined : unescapeXml(packet.slice(from, end));
}

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-fA-F]{1,6})|(lt|gt|amp|quot|apos));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return named[String(name)] ?? whole;
    const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
