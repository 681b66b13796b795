"""Losses of Inputs/transformer.mlg against PyTorch, which computes whole score
matrices, from the same initial weights and the same batches, in f64 and f32.

usage: attention_parity.py MLC MLRUN MODEL WORK_DIR
"""
import os
import sys

import numpy
import torch
import torch.nn.functional as F

import torch_parity

STEPS, BATCH = 20, 9


def attention(q, k, v, mask=None, causal=False, scale=None):
    """PyTorch's scaled_dot_product_attention as its documentation defines it; 0 where there is nothing to attend to."""
    k = k.repeat_interleave(q.shape[-3] // k.shape[-3], -3)
    v = v.repeat_interleave(q.shape[-3] // v.shape[-3], -3)
    score = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)
    allowed = torch.ones(score.shape[-2:], dtype=torch.bool)
    if causal:
        allowed = allowed.tril()
    if mask is not None and mask.dtype == torch.bool:
        allowed = allowed & mask
    elif mask is not None:
        score = score + mask
    allowed = allowed.expand(score.shape)
    score = score.masked_fill(~allowed, -1e30)
    return torch.softmax(score, -1).masked_fill(~allowed, 0) @ v


def split(x, heads):
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def merge(x):
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


def rotary(x, base=10000.0):
    """As in Hugging Face's modeling_llama.py."""
    half = x.shape[-1] // 2
    speed = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * torch.cat((speed, speed))
    turned = torch.cat((-x[..., half:], x[..., :half]), -1)
    return x * angle.cos().to(x.dtype) + turned * angle.sin().to(x.dtype)


class Model:
    def __init__(self, parameters, heads=4):
        self.p, self.heads = parameters, heads

    def linear(self, name, x):
        return x @ self.p[name + ".w"] + self.p[name + ".b"]

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.p[name + ".scale"], self.p[name + ".shift"])

    def self_attention(self, name, x, kv_heads, causal, rotate=False):
        d = x.shape[-1]
        width = d // self.heads * kv_heads
        qkv = self.linear(name + ".qkv", x)
        q, k, v = (split(part, h) for part, h in zip(qkv.split([d, width, width], -1), (self.heads, kv_heads, kv_heads)))
        if rotate:
            q, k = rotary(q), rotary(k)
        return self.linear(name + ".proj", merge(attention(q, k, v, causal=causal)))

    def cross_attention(self, name, x, memory):
        q, k, v = (split(self.linear(f"{name}.{part}", of), self.heads) for part, of in (("q", x), ("k", memory), ("v", memory)))
        return self.linear(name + ".proj", merge(attention(q, k, v)))

    def feed_forward(self, name, x):
        u = self.linear(name + ".up", x)
        u = 0.5 * u * (1 + torch.tanh(0.7978845608028654 * (u + 0.044715 * u**3)))
        return self.linear(name + ".down", u)

    def block(self, name, x, kv_heads=None, causal=False, rotate=False):
        a = x + self.self_attention(name + ".attn", self.norm(name + ".ln_1", x), kv_heads or self.heads, causal, rotate)
        return a + self.feed_forward(name + ".mlp", self.norm(name + ".ln_2", a))

    def decoder(self, name, x, memory):
        a = x + self.self_attention(name + ".attn", self.norm(name + ".ln_1", x), self.heads, causal=True)
        b = a + self.cross_attention(name + ".cross", self.norm(name + ".ln_2", a), memory)
        return b + self.feed_forward(name + ".mlp", self.norm(name + ".ln_3", b))

    def loss(self, x, y, target):
        c = self.decoder("decoder", self.block("encoder", self.block("gpt", x, 2, causal=True, rotate=True)), y)
        q, k, v = (split(self.linear(name, of), 2) for name, of in (("q", c), ("k", y), ("v", y)))
        masked = attention(q, k, v, mask=y[:, None, None, :, 0] > -0.5, scale=0.3)
        biased = attention(q, k, v, mask=self.p["bias"], causal=True)
        one = attention(x[:, None, :, :4], x[:, None, :, 4:8], x[:, None, :, 8:], causal=True)[:, 0]
        out = self.linear("head", torch.cat((merge(masked + biased), one), -1).mean(1))
        return F.mse_loss(out, target)


def torch_losses(initial, rows, dtype):
    p = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in initial.items()}
    model, optimizer = Model(p), torch.optim.Adam(list(p.values()), lr=3e-3)
    losses = []
    for step in range(STEPS):
        begin = step * BATCH % len(rows)
        batch = torch.tensor(rows[begin : begin + BATCH], dtype=dtype)
        loss = model.loss(batch[:, :112].reshape(-1, 7, 16), batch[:, 112:152].reshape(-1, 5, 8), batch[:, 152:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return numpy.array(losses)


def main():
    mlc, mlrun, model, work = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    torch.set_num_threads(1)
    torch_parity.STEPS = STEPS
    rows = numpy.random.default_rng(5).standard_normal((5 * BATCH, 155)).astype(numpy.float32)
    rows[0, 112:152:8] = -1  # a row of the batch without a key
    numpy.savetxt(os.path.join(work, "rows.csv"), rows, delimiter=",", fmt="%.9g")
    failed = False
    for precision, dtype, first, all_steps in (("f64", torch.float64, 1e-9, 1e-9), ("f32", torch.float32, 1e-5, 1e-3)):
        ours, initial = torch_parity.our_losses(mlc, mlrun, model, work, work, [], precision)
        theirs = torch_losses(initial, rows, dtype)
        error = numpy.abs(ours - theirs) / numpy.abs(theirs)
        good = error[:10].max() <= first and error.max() <= all_steps
        failed |= not good
        print(f"{precision} first ten {error[:10].max():.2e} all {error.max():.2e} {'ok' if good else 'FAILED'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
