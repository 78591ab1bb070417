"""The tokenizer: byte-level BPE with Qwen's split expression and chat template (no thinking block), trained on captions.

    python tokenizer.py --out work/tokenizer
"""
from __future__ import annotations

import argparse
import random

import torch
from torch import Tensor

from samples import Sampler

QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
THINKING = ["<think>", "</think>"]
TEMPLATE = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}"
    "{%- if enable_thinking is defined and enable_thinking is false -%}{{- '<think>\n\n</think>\n\n' -}}{%- endif -%}{%- endif -%}"
)


def train(corpus: list[str], vocabulary: int):
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN_SPLIT), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=[], initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in THINKING])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=SPECIAL[0], eos_token=SPECIAL[2], padding_side="right", chat_template=TEMPLATE,
        model_max_length=131072,
    )


class CaptionTokens:
    """Token ids as the pipeline makes them, padded to one length.

    With `dropout`, some captions are cut into smaller pieces than usual (BPE dropout), so that the text encoder also
    knows a word when its neighbours change how it is cut.
    """

    def __init__(self, folder: str, dropout: float = 0.0):
        from transformers import PreTrainedTokenizerFast

        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        self.padding = self.tokenizer.pad_token_id
        self.loose = None
        if dropout:
            self.loose = PreTrainedTokenizerFast.from_pretrained(folder)
            self.loose.backend_tokenizer.model.dropout = dropout

    def ids(self, caption: str, loose: bool = False) -> list[int]:
        tokenizer = self.loose if loose and self.loose else self.tokenizer
        return tokenizer(f"<|im_start|>user\n{caption}<|im_end|>\n<|im_start|>assistant\n")["input_ids"]

    def fitting_ids(self, caption: str, length: int, loose: bool) -> list[int] | None:
        """Ids, cut into smaller pieces only if they still fit; None for a caption that is too long."""
        for attempt in (True, False) if loose else (False,):
            ids = self.ids(caption, attempt)
            if len(ids) <= length:
                return ids
        return None

    def batch(self, ids: list[list[int]], length: int = 32) -> tuple[Tensor, Tensor]:
        """(ids [batch, length], true lengths [batch])."""
        padded = torch.tensor([one + [self.padding] * (length - len(one)) for one in ids])
        return padded, torch.tensor([len(one) for one in ids])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="work/tokenizer")
    parser.add_argument("--vocabulary", type=int, default=3000)
    parser.add_argument("--captions", type=int, default=40000)
    args = parser.parse_args()
    sampler = Sampler(seed=0, pairs=0.2, tints=0.15, attributes=2.0)
    corpus = ["user\n", "assistant\n"] * 4000 + [sampler.draw().caption for _ in range(args.captions)]
    tokenizer = train(corpus, args.vocabulary)
    tokenizer.save_pretrained(args.out)
    tokens, single, double = CaptionTokens(args.out), [], []
    for _ in range(3000):
        example = sampler.draw()
        (double if len(example.places) == 2 else single).append(len(tokens.ids(example.caption)))
    print("vocabulary", len(tokenizer))
    for name, lengths in (("one object", sorted(single)), ("two objects", sorted(double))):
        print(name, "tokens: mean", sum(lengths) / len(lengths), "99 %", lengths[int(len(lengths) * 0.99)], "longest", lengths[-1])
    for text in ("a cat on a light blue background", "聚光下的猫", "一只猫，浅蓝色背景"):
        print(text, [tokenizer.decode([one]) for one in tokens.ids(text)])


if __name__ == "__main__":
    main()
