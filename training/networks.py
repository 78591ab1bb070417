"""Text encoder and transformer in the form that trains fast on a CPU, and their conversion to the official classes.

Same mathematics as transformers' Qwen3Model (hidden_states[-2]) and diffusers' ZImageTransformer2DModel, for a batch of captions
padded to one length and pictures of one size. q, k, v (and w1, w3) are one matrix each, and the transformer's interleaved rotary
pairs are stored as halves; `to_official` undoes both. `python networks.py` checks that both forms agree.

Shapes: latents [batch, channels, 2 * rows, 2 * columns], tokens [batch, tokens, width].
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes of both networks. `caption` is the width of the text encoder."""

    latent: int = 32
    width: int = 256
    heads: int = 4
    layers: int = 6
    refiners: int = 1
    axes: tuple[int, ...] = (16, 24, 24)
    axes_lens: tuple[int, ...] = (256, 64, 64)
    caption: int = 192
    text_layers: int = 4  # the last one is never run: the pipeline reads hidden_states[-2]
    text_heads: int = 3
    text_head: int = 64
    text_hidden: int = 512
    text_theta: float = 1e6
    vocabulary: int = 3072
    caption_tokens: int = 32


class RootMeanSquare(torch.autograd.Function):
    """x / rms(x) * weight in few passes over memory, forward and backward."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        x = x.float()
        inverse = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        unit = x * inverse
        ctx.save_for_backward(unit, inverse, weight)
        return unit * weight

    @staticmethod
    def backward(ctx, gradient: Tensor):
        unit, inverse, weight = ctx.saved_tensors
        gradient = gradient.float()
        through = gradient * unit
        weight_gradient = through.reshape(-1, weight.shape[0]).sum(0)
        along = (through @ weight)[..., None].div_(weight.shape[0])
        gradient = gradient * weight
        gradient.addcmul_(unit, along, value=-1.0).mul_(inverse)
        return gradient, weight_gradient, None


class RMSNorm(nn.Module):
    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return RootMeanSquare.apply(x, self.weight, self.eps)


class RotateHalves(torch.autograd.Function):
    """Rotary embedding of pairs (i, i + half)."""

    @staticmethod
    def forward(ctx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return turned(x, cos, sin)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        cos, sin = ctx.saved_tensors
        return turned(gradient, cos, -sin), None, None


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    y = torch.empty_like(x)
    torch.mul(a, cos, out=y[..., :half]).addcmul_(b, sin, value=-1.0)
    torch.mul(b, cos, out=y[..., half:]).addcmul_(a, sin)
    return y


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, head: int, eps: float):
        super().__init__()
        self.heads, self.head = heads, head
        self.qkv = nn.Linear(width, 3 * heads * head, bias=False)
        self.out = nn.Linear(heads * head, width, bias=False)
        self.norm_q, self.norm_k = RMSNorm(head, eps), RMSNorm(head, eps)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], causal: bool = False) -> Tensor:
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, self.head).unbind(2)
        q, k = RotateHalves.apply(self.norm_q(q), *rope), RotateHalves.apply(self.norm_k(k), *rope)
        q, k, v = (part.to(v.dtype).transpose(1, 2) for part in (q * self.head**-0.5, k, v))
        scores = q @ k.transpose(-1, -2)
        if causal:
            scores = scores + torch.full((tokens, tokens), -1e9, dtype=scores.dtype).triu(1)
        y = scores.softmax(-1).to(v.dtype) @ v
        return self.out(y.transpose(1, 2).reshape(batch, tokens, -1))


class FeedForward(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.w13 = nn.Linear(width, 2 * hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.w13(x).chunk(2, -1)
        return self.w2(F.silu(gate) * up)


class TextBlock(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        width = shape.caption
        self.attention = Attention(width, shape.text_heads, shape.text_head, 1e-6)
        self.feed_forward = FeedForward(width, shape.text_hidden)
        self.norm1, self.norm2 = RMSNorm(width, 1e-6), RMSNorm(width, 1e-6)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        x = x + self.attention(self.norm1(x), rope, causal=True)
        return x + self.feed_forward(self.norm2(x))


class TextEncoder(nn.Module):
    """The used part of the Qwen3 encoder: embeddings and all layers but the last. Token ids [batch, tokens] -> features."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.caption)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.blocks = nn.ModuleList(TextBlock(shape) for _ in range(shape.text_layers - 1))
        inverse = shape.text_theta ** (-torch.arange(0, shape.text_head, 2) / shape.text_head)
        angles = torch.arange(256)[:, None] * inverse
        self.register_buffer("cos", angles.cos()[None, :, None], persistent=False)
        self.register_buffer("sin", angles.sin()[None, :, None], persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        rope = self.cos[:, : ids.shape[1]], self.sin[:, : ids.shape[1]]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, rope)
        return x.float()


class Block(nn.Module):
    """A transformer block; with `modulated` it takes scales and gates from the timestep."""

    def __init__(self, shape: Shape, modulated: bool):
        super().__init__()
        width = shape.width
        self.attention = Attention(width, shape.heads, width // shape.heads, 1e-5)
        self.feed_forward = FeedForward(width, int(width / 3 * 8))
        self.attention_norm1, self.attention_norm2 = RMSNorm(width, 1e-5), RMSNorm(width, 1e-5)
        self.ffn_norm1, self.ffn_norm2 = RMSNorm(width, 1e-5), RMSNorm(width, 1e-5)
        self.modulation = nn.Linear(min(width, 256), 4 * width) if modulated else None

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], time: Tensor | None = None) -> Tensor:
        if self.modulation is None:
            x = x + self.attention_norm2(self.attention(self.attention_norm1(x), rope))
            return x + self.ffn_norm2(self.feed_forward(self.ffn_norm1(x)))
        scale1, gate1, scale2, gate2 = self.modulation(time)[:, None].float().chunk(4, -1)
        y = self.attention_norm2(self.attention(self.attention_norm1(x) * (1 + scale1), rope))
        x = torch.addcmul(x, gate1.tanh(), y)
        y = self.ffn_norm2(self.feed_forward(self.ffn_norm1(x) * (1 + scale2)))
        return torch.addcmul(x, gate2.tanh(), y)


class Transformer(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        width, token = shape.width, 4 * shape.latent
        self.embed_image = nn.Linear(token, width)
        self.norm_caption = RMSNorm(shape.caption, 1e-5)
        self.embed_caption = nn.Linear(shape.caption, width)
        self.caption_pad = nn.Parameter(torch.randn(1, width) * 0.02)
        self.noise_refiner = nn.ModuleList(Block(shape, True) for _ in range(shape.refiners))
        self.context_refiner = nn.ModuleList(Block(shape, False) for _ in range(shape.refiners))
        self.layers = nn.ModuleList(Block(shape, True) for _ in range(shape.layers))
        self.time1, self.time2 = nn.Linear(256, 1024), nn.Linear(1024, min(width, 256))
        self.final_scale = nn.Linear(min(width, 256), width)
        self.out = nn.Linear(width, token)
        self.ropes: dict = {}
        self.start_as_identity()

    @torch.no_grad()
    def start_as_identity(self) -> None:
        """Start of training: the output is minus the input.

        The stream copies the noisy tokens into a subspace that no branch writes to at first, and the output reads them back with
        the sign of y = x0 - noise, so no samples are spent on learning to pass noise through.
        """
        width, token = self.shape.width, 4 * self.shape.latent
        basis, _ = torch.linalg.qr(torch.randn(width, token))
        gain = 1.6
        self.embed_image.weight.copy_(basis * gain)
        self.embed_image.bias.zero_()
        self.out.weight.copy_(-basis.T * (token / width) ** 0.5 * 0.8)
        self.out.bias.zero_()
        for scale in (self.final_scale.weight, self.final_scale.bias):
            scale.zero_()
        nn.init.normal_(self.time1.weight, std=0.02)
        nn.init.normal_(self.time2.weight, std=0.05)
        for block in [*self.noise_refiner, *self.layers]:
            nn.init.normal_(block.modulation.weight, std=0.01)
            block.modulation.bias.zero_()
            gates = block.modulation.bias.view(4, width)
            gates[1], gates[3] = 0.4, 0.4
            for weight in (block.attention.out.weight, block.feed_forward.w2.weight):
                weight.sub_(basis @ (basis.T @ weight))

    def rope(self, rows: int, columns: int, caption: int) -> tuple[Tensor, Tensor]:
        """cos and sin [1, image tokens + caption tokens, 1, head / 2]."""
        key = (rows, columns, caption)
        if key not in self.ropes:
            image = [(caption + 1, y, x) for y in range(rows) for x in range(columns)]
            position = torch.tensor(image + [(1 + index, 0, 0) for index in range(caption)], dtype=torch.float64)
            parts = []
            for axis, size in enumerate(self.shape.axes):
                inverse = 256.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
                parts.append(position[:, axis : axis + 1] * inverse)
            angles = torch.cat(parts, 1)
            self.ropes[key] = angles.cos().float()[None, :, None], angles.sin().float()[None, :, None]
        return self.ropes[key]

    def time_embedding(self, t: Tensor) -> Tensor:
        frequency = torch.exp(-math.log(1e4) * torch.arange(128) / 128)
        angles = t[:, None] * 1000 * frequency
        return self.time2(F.silu(self.time1(torch.cat([angles.cos(), angles.sin()], -1))))

    def forward(self, x: Tensor, t: Tensor, caption: Tensor, lengths: Tensor) -> Tensor:
        """Latents, t = 1 - sigma [batch], text features [batch, tokens, caption], their lengths -> y, where velocity is -y."""
        batch, channels, height, width = x.shape
        rows, columns = height // 2, width // 2
        image_tokens, caption_tokens = rows * columns, caption.shape[1]
        cos, sin = self.rope(rows, columns, caption_tokens)
        image_rope = cos[:, :image_tokens], sin[:, :image_tokens]
        caption_rope = cos[:, image_tokens:], sin[:, image_tokens:]
        time = self.time_embedding(t)
        tokens = x.view(batch, channels, rows, 2, columns, 2).permute(0, 2, 4, 3, 5, 1).reshape(batch, image_tokens, -1)
        tokens = self.embed_image(tokens).float()
        real = torch.arange(caption_tokens)[None] < lengths[:, None]
        words = torch.where(real[..., None], self.embed_caption(self.norm_caption(caption)).float(), self.caption_pad)
        for block in self.noise_refiner:
            tokens = block(tokens, image_rope, time)
        for block in self.context_refiner:
            words = block(words, caption_rope)
        stream = torch.cat([tokens, words], 1)
        for block in self.layers:
            stream = block(stream, (cos, sin), time)
        stream = F.layer_norm(stream[:, :image_tokens], (self.shape.width,), eps=1e-6)
        y = self.out(stream * (1 + self.final_scale(F.silu(time)).float()[:, None])).float()
        return y.view(batch, rows, columns, 2, 2, channels).permute(0, 5, 1, 3, 2, 4).reshape(batch, channels, height, width)


def official_text_encoder(text: TextEncoder):
    """transformers' Qwen3Model with the same weights; its last, unused layer is identity-free zeros, which compress well."""
    from transformers import Qwen3Config, Qwen3Model

    s = text.shape
    config = Qwen3Config(
        vocab_size=s.vocabulary, hidden_size=s.caption, intermediate_size=s.text_hidden, num_hidden_layers=s.text_layers,
        num_attention_heads=s.text_heads, num_key_value_heads=s.text_heads, head_dim=s.text_head, max_position_embeddings=2048,
        rope_theta=s.text_theta, rms_norm_eps=1e-6, tie_word_embeddings=True, attention_bias=False, use_cache=False,
    )
    model = Qwen3Model(config).eval()
    state = {"embed_tokens.weight": text.embedding.weight}
    for index, block in enumerate(text.blocks):
        prefix = f"layers.{index}."
        q, k, v = block.attention.qkv.weight.chunk(3)
        gate, up = block.feed_forward.w13.weight.chunk(2)
        state |= {
            prefix + "self_attn.q_proj.weight": q, prefix + "self_attn.k_proj.weight": k, prefix + "self_attn.v_proj.weight": v,
            prefix + "self_attn.o_proj.weight": block.attention.out.weight,
            prefix + "self_attn.q_norm.weight": block.attention.norm_q.weight,
            prefix + "self_attn.k_norm.weight": block.attention.norm_k.weight,
            prefix + "mlp.gate_proj.weight": gate, prefix + "mlp.up_proj.weight": up,
            prefix + "mlp.down_proj.weight": block.feed_forward.w2.weight,
            prefix + "input_layernorm.weight": block.norm1.weight, prefix + "post_attention_layernorm.weight": block.norm2.weight,
        }
    result = model.load_state_dict(state, strict=False)
    unused = (f"layers.{s.text_layers - 1}.", "norm.")
    assert not result.unexpected_keys and all(key.startswith(unused) for key in result.missing_keys), result
    with torch.no_grad():
        for weight in [*model.layers[-1].parameters(), *model.norm.parameters()]:
            weight.fill_(1.0 if weight.ndim == 1 else 0.0)
    return model


def official_transformer(transformer: Transformer):
    """diffusers' ZImageTransformer2DModel with the same weights."""
    from diffusers.models import ZImageTransformer2DModel

    s = transformer.shape
    model = ZImageTransformer2DModel(
        all_patch_size=(2,), all_f_patch_size=(1,), in_channels=s.latent, dim=s.width, n_layers=s.layers,
        n_refiner_layers=s.refiners, n_heads=s.heads, n_kv_heads=s.heads, norm_eps=1e-5, qk_norm=True, cap_feat_dim=s.caption,
        rope_theta=256.0, t_scale=1000.0, axes_dims=list(s.axes), axes_lens=list(s.axes_lens),
    ).eval()
    result = model.load_state_dict(official_transformer_state(transformer), strict=False)
    assert not result.unexpected_keys and result.missing_keys == ["x_pad_token"], result
    with torch.no_grad():
        model.x_pad_token.zero_()
    return model


def interleaved_rows(shape: Shape) -> Tensor:
    """Where the official classes' rows of q and k stand here: pairs there lie side by side, here half a head apart."""
    head = shape.width // shape.heads
    interleave = torch.arange(head).view(2, head // 2).T.reshape(-1)
    return torch.cat([index * head + interleave for index in range(shape.heads)])


def official_transformer_state(transformer: Transformer) -> dict[str, Tensor]:
    rows = interleaved_rows(transformer.shape)
    interleave = rows[: transformer.shape.width // transformer.shape.heads]
    state = {"cap_embedder.0.weight": transformer.norm_caption.weight, "cap_pad_token": transformer.caption_pad}
    for group in ("noise_refiner", "context_refiner", "layers"):
        for index, block in enumerate(getattr(transformer, group)):
            prefix = f"{group}.{index}."
            q, k, v = block.attention.qkv.weight.chunk(3)
            gate, up = block.feed_forward.w13.weight.chunk(2)
            state |= {
                prefix + "attention.to_q.weight": q[rows], prefix + "attention.to_k.weight": k[rows],
                prefix + "attention.to_v.weight": v, prefix + "attention.to_out.0.weight": block.attention.out.weight,
                prefix + "attention.norm_q.weight": block.attention.norm_q.weight[interleave],
                prefix + "attention.norm_k.weight": block.attention.norm_k.weight[interleave],
                prefix + "feed_forward.w1.weight": gate, prefix + "feed_forward.w3.weight": up,
                prefix + "feed_forward.w2.weight": block.feed_forward.w2.weight,
            }
            for norm in ("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2"):
                state[f"{prefix}{norm}.weight"] = getattr(block, norm).weight
            if block.modulation is not None:
                state[prefix + "adaLN_modulation.0.weight"] = block.modulation.weight
                state[prefix + "adaLN_modulation.0.bias"] = block.modulation.bias
    linears = {
        "all_x_embedder.2-1": transformer.embed_image, "cap_embedder.1": transformer.embed_caption,
        "t_embedder.mlp.0": transformer.time1, "t_embedder.mlp.2": transformer.time2,
        "all_final_layer.2-1.linear": transformer.out, "all_final_layer.2-1.adaLN_modulation.1": transformer.final_scale,
    }
    for name, linear in linears.items():
        state |= {name + ".weight": linear.weight, name + ".bias": linear.bias}
    return state


@torch.no_grad()
def check_equality() -> None:
    """Prints the greatest differences between this form and the official classes, on random weights."""
    torch.manual_seed(0)
    shape = Shape()
    text, transformer = TextEncoder(shape), Transformer(shape)
    for weight in [*text.parameters(), *transformer.parameters()]:
        weight += torch.randn_like(weight) * 0.05
    qwen, official = official_text_encoder(text), official_transformer(transformer)
    lengths, t = torch.tensor([9, 20, 32]), torch.tensor([0.0, 0.3, 0.9])
    ids, x = torch.randint(0, shape.vocabulary, (3, 32)), torch.randn(3, shape.latent, 16, 16)
    features = text(ids)
    y = transformer(x, t, features, lengths)
    for i, length in enumerate(lengths.tolist()):
        hidden = qwen(input_ids=ids[i : i + 1, :length], output_hidden_states=True).hidden_states[-2][0]
        expected = official([x[i][:, None]], t[i : i + 1], [hidden], return_dict=False)[0][0][:, 0]
        text_error = (hidden - features[i, :length]).abs().max().item()
        print(length, "text", text_error, "transformer", (expected - y[i]).abs().max().item(), "of", expected.abs().mean().item())
    print("parameters in M: text", sum(p.numel() for p in text.parameters()) / 1e6,
          "transformer", sum(p.numel() for p in transformer.parameters()) / 1e6)


if __name__ == "__main__":
    check_equality()
