/**
 * The seed of a picture that is drawn once more: it follows from the seed it was asked for and the number of the try,
 * so the same request comes to the same picture again. Far away from its neighbours, which other pictures of the
 * generation have.
 */
export function redrawSeed(firstSeed: number, redraw: number): number {
  // The finisher of MurmurHash3: every bit of the input changes half of the output.
  let mixed = (firstSeed ^ Math.floor(firstSeed / 2 ** 32) ^ Math.imul(redraw, 0x9e37_79b9)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Equal for pictures of the same prompt and seed. */
export function intentOf({ prompt, seed }: { readonly prompt: string; readonly seed: number }): string {
  // FNV-1a twice, with two starts: 64 bits are plenty among the pictures of one tenant.
  let [low, high] = [0x811c_9dc5, 0x050c_5d1f];
  for (let at = 0; at < prompt.length; at++) {
    const unit = prompt.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x0100_0193);
    high = Math.imul(high ^ unit, 0x0100_0193);
  }
  const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
  return `${seed} ${hex(high)}${hex(low)}`;
}
