/** Fields of a form as the body that they stand for: OpenAI's clients spread lists and objects over several. */
export class FormFields {
  readonly #single = new Map<string, unknown>();
  readonly #loras: (string | Record<string, string>)[] = [];

  /** A field that is empty stands for none. */
  add(name: string, value: unknown): void {
    if (value === '') return;
    const [, key] = /^lora\[\d*\]\[(name|strength|scale)\]$/.exec(name) ?? [];
    if (key !== undefined) this.#addToLora(key, String(value));
    else if (/^lora(\[\d*\])?$/.test(name)) this.#loras.push(String(value));
    else this.#single.set(name.replace(/\[\]$/, ''), value);
  }

  get body(): Readonly<Record<string, unknown>> {
    const body = Object.fromEntries(this.#single);
    return this.#loras.length === 0 ? body : { ...body, lora: this.#loras };
  }

  /** The keys of an object follow each other; one that is there already begins the next. */
  #addToLora(key: string, value: string): void {
    const last = this.#loras.at(-1);
    if (typeof last === 'object' && !(key in last)) last[key] = value;
    else this.#loras.push({ [key]: value });
  }
}
