"""Muon for matrices and convolution kernels, Adam for the rest. Gradients may be averaged over processes."""
from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

# Polar Express coefficients: a few odd polynomials that turn a matrix into its nearest orthogonal one.
POLYNOMIALS = [
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
]


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix with all singular values near 1. bfloat16 is enough for a direction and several times faster."""
    x = matrix / (matrix.norm() * 1.01 + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = (x.T if tall else x).bfloat16()
    for a, b, c in POLYNOMIALS:
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return (x.T if tall else x).float()


class Muon:
    """`pieces` maps a parameter's name to the number of equal row blocks that are matrices of their own (q, k, v in one weight)."""

    def __init__(self, named: list[tuple[str, Tensor]], pieces=lambda name: 1, momentum: float = 0.95, decay: float = 0.01):
        self.named, self.pieces, self.momentum, self.decay = named, pieces, momentum, decay
        self.buffers = [torch.zeros_like(weight) for _, weight in named]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        world = dist.get_world_size() if dist.is_initialized() else 1
        rank = dist.get_rank() if world > 1 else 0
        updates = []
        for index, ((name, weight), buffer) in enumerate(zip(self.named, self.buffers)):
            buffer.lerp_(weight.grad, 1 - self.momentum)
            if index % world != rank:
                updates.append(torch.zeros_like(weight))
                continue
            direction = weight.grad.lerp(buffer, self.momentum).flatten(1)
            blocks = [orthogonalised(b) * max(1, b.shape[0] / b.shape[1]) ** 0.5 for b in direction.chunk(self.pieces(name))]
            updates.append(torch.cat(blocks).view_as(weight))
        if world > 1:
            updates = all_summed(updates)
        for (_, weight), update in zip(self.named, updates):
            weight.mul_(1 - rate * self.decay).add_(update, alpha=-rate)


def all_summed(tensors: list[Tensor]) -> list[Tensor]:
    """The sum over all processes of each tensor, in one message."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [part.view_as(tensor) for part, tensor in zip(parts, tensors)]
