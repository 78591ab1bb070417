"""The AutoencoderKL of the demo model and how its training starts."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latents import CHANNELS, PATCH, Codes

WIDTHS = [24, 48, 96, 112, 112]  # channels at 256, 128, 64, 32 and 16 px of a 256 px picture


def build():
    """diffusers' AutoencoderKL, factor 16, without attention, latents used as they are (scaling 1, shift 0)."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=3, out_channels=3, block_out_channels=WIDTHS, latent_channels=CHANNELS, layers_per_block=1, norm_num_groups=8,
        down_block_types=["DownEncoderBlock2D"] * len(WIDTHS), up_block_types=["UpDecoderBlock2D"] * len(WIDTHS), sample_size=256,
        use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=False, scaling_factor=1.0, shift_factor=0.0,
    )


@torch.no_grad()
def start_near_linear(half: nn.Module) -> None:
    """Convolutions pass their input on through the centre tap, residual branches start small: the signal arrives undamped.

    """
    for module in half.modules():
        if isinstance(module, nn.Conv2d):
            outputs, inputs, edge, _ = module.weight.shape
            through = torch.empty(outputs, inputs)
            nn.init.orthogonal_(through)
            module.bias.zero_()
            if edge == 1:
                module.weight.copy_(through[:, :, None, None])
            else:
                module.weight.normal_(0, 0.3 / (3 * inputs**0.5))
                module.weight[:, :, 1, 1] += through
    for module in half.modules():
        if type(module).__name__ == "ResnetBlock2D":
            module.conv2.weight.mul_(0.1)
            module.conv1.weight.normal_(0, 1 / (3 * module.conv1.weight.shape[1] ** 0.5))


def quadrants(rows: Tensor, edge: int) -> dict[tuple[int, int], Tensor]:
    """Splits linear maps [count, 3, edge, edge] into those of the four quadrants, each [count, 3 * (edge / 2) ** 2]."""
    half = edge // 2
    return {(y, x): rows[:, :, y * half : y * half + half, x * half : x * half + half].flatten(1) for y in (0, 1) for x in (0, 1)}


@torch.no_grad()
def start_linear_encoder(encoder: nn.Module, codes: Codes, pictures: Tensor) -> None:
    """The encoder starts as the linear map of `codes`; its residual branches start at zero and learn the rest.

    Strided convolutions gather 2 x 2 blocks: 12 numbers at 128 px, 48 at 64 px, at 32 px the 96 functionals of 8 x 8 patches that the
    codes of `pictures` need most, at 16 px the codes as pairs +u, -u, for silu(u) - silu(-u) = u. Constant channels in every group
    of the last norm keep its scale within 1 % of the same for all pictures.
    """
    for module in encoder.modules():
        if type(module).__name__ == "ResnetBlock2D":
            module.conv1.weight.normal_(0, 1 / (3 * module.conv1.weight.shape[1] ** 0.5))
            for still in (module.conv2.weight, module.conv1.bias, module.conv2.bias):
                still.zero_()
            if module.conv_shortcut is not None:
                module.conv_shortcut.bias.zero_()
                nn.init.eye_(module.conv_shortcut.weight[:, :, 0, 0])
    for conv in [encoder.conv_in, *(block.downsamplers[0].conv for block in encoder.down_blocks[:-1]), encoder.conv_out]:
        conv.weight.zero_()
        conv.bias.zero_()
    for channel in range(3):
        encoder.conv_in.weight[channel, channel, 1, 1] = 1
    # [codes of a quadrant, 192 pixels], then the functionals with the greatest share in them over the pictures.
    quarter = quadrants(codes.weight, PATCH)
    needed = torch.cat(list(quarter.values()))
    patches = F.unfold(pictures, PATCH // 2, stride=PATCH // 2).transpose(1, 2).reshape(-1, needed.shape[1])
    spread, axes = torch.linalg.eigh((patches.T @ patches / len(patches)).double() + 1e-5 * torch.eye(needed.shape[1]))
    root, inverse = (axes * spread.sqrt()) @ axes.T, (axes / spread.sqrt()) @ axes.T
    left, strength, right = torch.linalg.svd(needed.double() @ root, full_matrices=False)
    kept = WIDTHS[2]
    functionals = (right[:kept] @ inverse).float().reshape(kept, 3, PATCH // 2, PATCH // 2)
    reading = (left[:, :kept] * strength[:kept]).float().split(CHANNELS)
    # Pixels in the order in which the strided convolutions stack them: row and column of the 2 x 2 block first, then what is inside.
    stacked = torch.eye(3).reshape(3, 3, 1, 1)
    for level in (0, 1):
        conv, width = encoder.down_blocks[level].downsamplers[0].conv, stacked.shape[0]
        edge = 2 ** (level + 1)
        following = torch.zeros(4 * width, 3, edge, edge)
        for number, (y, x) in enumerate(quarter):
            for channel in range(width):
                conv.weight[number * width + channel, channel, y, x] = 1
            half = edge // 2
            following[number * width : (number + 1) * width, :, y * half : y * half + half, x * half : x * half + half] = stacked
        stacked = following
    conv, inner = encoder.down_blocks[2].downsamplers[0].conv, stacked.flatten(1)  # a permutation of the 48 pixels of a 4 x 4 patch
    for (y, x), rows in quadrants(functionals, PATCH // 2).items():
        conv.weight[:kept, : inner.shape[0], y, x] = rows @ inner.T
    conv, scale, constant = encoder.down_blocks[3].downsamplers[0].conv, 0.1, 2.0
    groups = encoder.conv_norm_out.num_groups
    wide = WIDTHS[4] // groups
    pairs = CHANNELS // groups
    unit = constant * ((wide - 2 * pairs) / wide) ** 0.5  # spread of a group, nearly
    for code in range(CHANNELS):
        place = (code // pairs) * wide + 2 * (code % pairs)
        for sign, channel in ((1, place), (-1, place + 1)):
            for (y, x), rows in zip(quarter, reading):
                conv.weight[channel, :kept, y, x] = sign * scale * rows[code]
            conv.bias[channel] = sign * scale * codes.bias[code]
            encoder.conv_out.weight[code, channel, 1, 1] = sign * unit / scale
    for group in range(groups):
        for number in range(2 * pairs, wide):
            conv.bias[group * wide + number] = constant if number % 2 else -constant
    encoder.conv_out.bias[CHANNELS:] = -12.0  # log variance: the codes are exact


@torch.no_grad()
def rescale_decoder(decoder: nn.Module, z: Tensor) -> None:
    """Brings the residual stream and every hidden layer to spread 1 on the latents z, without changing what is drawn.

    Norms undo any scale, so training lets the stream grow from level to level, by thousands in all: float16 would overflow, and what the
    later residual branches add would no longer count. Called when training resumes.
    """
    spread: dict[nn.Module, float] = {}
    hooks = [
        module.register_forward_hook(lambda module, _, output: spread.__setitem__(module, output.std().item()))
        for module in decoder.modules()
        if isinstance(module, nn.Conv2d) or type(module).__name__ == "ResnetBlock2D"
    ]
    decoder(z)
    for hook in hooks:
        hook.remove()
    factor = scaled(decoder.conv_in, 1 / spread[decoder.conv_in])
    for resnet in decoder.mid_block.resnets:
        factor = rescale_resnet(resnet, factor, spread)
    for block in decoder.up_blocks:
        for resnet in block.resnets:
            factor = rescale_resnet(resnet, factor, spread)
        for upsampler in block.upsamplers or []:
            following = 1 / spread[upsampler.conv]
            upsampler.conv.weight.mul_(following / factor)
            upsampler.conv.bias.mul_(following)
            factor = following


def rescale_resnet(resnet: nn.Module, factor: float, spread: dict[nn.Module, float]) -> float:
    """`factor` is by how much the stream that comes in has been scaled; returns the same of what goes out."""
    following = factor
    scaled(resnet.conv1, 1 / spread[resnet.conv1])
    if resnet.conv_shortcut is not None:
        following = 1 / spread[resnet]
        resnet.conv_shortcut.weight.mul_(following / factor)
        resnet.conv_shortcut.bias.mul_(following)
    scaled(resnet.conv2, following)
    return following


def scaled(conv: nn.Conv2d, factor: float) -> float:
    conv.weight.mul_(factor)
    conv.bias.mul_(factor)
    return factor
