"""Every optimizer, schedule and group against PyTorch, step by step in f64, and
the same bits of every optimizer on 1, 2 and 4 devices.

LAMB and Lion, which PyTorch has not, are written down here from their papers.

usage: optimizers.py MLC MLRUN WORK_DIR
"""
import json
import os
import shutil
import subprocess
import sys

import numpy
import torch

import weights

STEPS = 60
ROWS = 16  # a batch; the data has STEPS of them
TOLERANCE = 1e-12

MODEL = """
model fit {{
  input x: f32[B, 5]
  input y: f32[B, 3]
  let h = float(x) |> linear(7) as a |> tanh
  let z = h |> linear(3) as b
  loss mse(z, float(y))
}}
data {{ train = csv("data.csv", columns = (x = 0..5, y = 5..8), rows = 0..{rows}, shuffle = false) }}
train {{
  steps = {steps}; batch = {batch}; microbatch = 4
  precision = {precision}
  optimizer = {optimizer}
  {groups}
}}
"""

# The sum of the rates so far is the parameter.
RATES = """
model rates {{
  input x: f32[B]
  param w: float[] = zeros
  loss w * mean(float(x) * 0 - 1)
  metric w = w
}}
data {{ train = csv("data.csv", columns = (x = 0), rows = 0..{steps}, shuffle = false) }}
train {{ steps = {steps}; batch = 1; precision = f64; optimizer = sgd(lr = {lr}) }}
"""


class Lamb(torch.optim.Optimizer):
    """You et al. 2020, algorithm 2, phi(z) = z; a ratio of 1 where a norm is 0."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                s = self.state[p]
                if not s:
                    s.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                s["t"] += 1
                s["m"].mul_(b1).add_(p.grad, alpha=1 - b1)
                s["v"].mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                m, v = s["m"] / (1 - b1 ** s["t"]), s["v"] / (1 - b2 ** s["t"])
                u = m / (v.sqrt() + group["eps"]) + group["weight_decay"] * p
                wn, un = p.norm().item(), u.norm().item()
                p.sub_(u, alpha=group["lr"] * (wn / un if wn > 0 and un > 0 else 1.0))


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, program 1."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(torch.sign(m * b1 + p.grad * (1 - b1)), alpha=group["lr"])
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


def everything(p):
    return list(p.values())


def grouped(p, biases=None, head=None):
    """The parameters in PyTorch's groups: biases, the weight of the head, the rest."""
    return [
        {"params": [p["a.w"]]},
        {"params": [p["a.b"], p["b.b"]], **(biases or {})},
        {"params": [p["b.w"]], **(head or {})},
    ]


O = torch.optim
# Name: the optimizer, groups, and the same for PyTorch.
CASES = {
    "sgd": ("sgd(lr = 0.1, momentum = 0.9, dampening = 0.5, weight_decay = 0.01)", "",
            lambda p: O.SGD(everything(p), lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.01)),
    "nesterov": ("sgd(lr = 0.1, momentum = 0.9, nesterov = true)", "",
                 lambda p: O.SGD(everything(p), lr=0.1, momentum=0.9, nesterov=True)),
    "adam": ("adam()", "", lambda p: O.Adam(everything(p))),
    "adamw": ("adamw(lr = 1e-2)", "", lambda p: O.AdamW(everything(p), lr=1e-2)),
    "rmsprop": ("rmsprop()", "", lambda p: O.RMSprop(everything(p))),
    "rmsprop_all": ("rmsprop(lr = 1e-3, alpha = 0.9, eps = 1e-6, weight_decay = 0.1, momentum = 0.5, centered = true)",
                    "", lambda p: O.RMSprop(everything(p), lr=1e-3, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.5,
                                            centered=True)),
    "adagrad": ("adagrad()", "", lambda p: O.Adagrad(everything(p))),
    "adagrad_all": ("adagrad(lr = 0.1, lr_decay = 0.1, weight_decay = 0.1, initial_accumulator_value = 0.5)", "",
                    lambda p: O.Adagrad(everything(p), lr=0.1, lr_decay=0.1, weight_decay=0.1,
                                        initial_accumulator_value=0.5)),
    "lamb": ("lamb()", "", lambda p: Lamb(everything(p))),
    "lamb_decay": ("lamb(lr = 0.02, beta1 = 0.8, beta2 = 0.99, weight_decay = 0.1)", "",
                   lambda p: Lamb(everything(p), lr=0.02, betas=(0.8, 0.99), weight_decay=0.1)),
    "lion": ("lion()", "", lambda p: Lion(everything(p))),
    "lion_decay": ("lion(lr = 1e-3, weight_decay = 0.5)", "",
                   lambda p: Lion(everything(p), lr=1e-3, weight_decay=0.5)),
    # Groups: rates, schedules, hyper-parameters, the last one wins.
    "group_rates": ("adamw(lr = 1e-2, weight_decay = 0.5)",
                    'group "*.b" { weight_decay = 0; lr = 2e-2 }\n group "b.w" { lr_scale = 0.25; beta1 = 0.5 }',
                    lambda p: O.AdamW(grouped(p, dict(weight_decay=0, lr=2e-2), dict(lr=2.5e-3, betas=(0.5, 0.999))),
                                      lr=1e-2, weight_decay=0.5)),
    "group_flags": ("sgd(lr = 0.1)",
                    'group "*" { momentum = 0.5 }\n group "*.b" { momentum = 0.9; nesterov = true; lr_scale = 2 }',
                    lambda p: O.SGD(grouped(p, dict(momentum=0.9, nesterov=True, lr=0.2), dict(momentum=0.5)), lr=0.1,
                                    momentum=0.5)),
    "group_frozen": ("rmsprop(lr = 1e-3)", 'group "*" { frozen = true }\n group "a.*" { frozen = false; alpha = 0.9 }',
                     lambda p: O.RMSprop([p["a.w"], p["a.b"]], lr=1e-3, alpha=0.9)),
}

S = torch.optim.lr_scheduler
# Name: the rate, and PyTorch's schedule of an optimizer whose rate is 0.5.
RATE_CASES = {
    "constant_warm": ("constant(0.5, warmup = 5)", lambda o: S.LambdaLR(o, lambda t: min(1, (t + 1) / 5))),
    "step": ("step(0.5, every = 7, gamma = 0.3)", lambda o: S.StepLR(o, 7, 0.3)),
    "linear": ("linear(0.5, floor = 0.05, total = 40)", lambda o: S.LinearLR(o, 1.0, 0.1, 40)),
    "cosine": ("cosine(0.5, floor = 0.1)", lambda o: S.CosineAnnealingLR(o, STEPS, 0.1)),
    "cosine_warm": ("cosine(0.5, warmup = 10)",
                    lambda o: S.LambdaLR(o, lambda t: (t + 1) / 10 if t < 10 else
                                         (1 + numpy.cos(numpy.pi * (t - 10) / 50)) / 2)),
    "one_cycle": ("one_cycle(0.5)", lambda o: S.OneCycleLR(o, 0.5, STEPS)),
    "one_cycle_all": (f"one_cycle(peak = 0.5, total = {STEPS}, pct_start = 0.41, div = 10, final_div = 50)",
                      lambda o: S.OneCycleLR(o, 0.5, STEPS, pct_start=0.41, div_factor=10, final_div_factor=50)),
}


def check_stacked(ours, table):
    """Layers of a loop are tensors of their own: a norm, a group, a state for each."""
    fields = dict(rows=len(table), steps=STEPS, batch=ROWS, optimizer="lamb(lr = 0.02, weight_decay = 0.1)",
                  groups="")
    layers = "let g = float(x) |> linear(16) as a\n  repeat i in 1..4 { g = tanh(g |> linear(16) as h[i]) }\n  let z = g |> linear(3) as b"
    begin, end = MODEL.index("let h"), MODEL.index("  loss")
    ours.compile((MODEL[:begin] + layers.replace("{", "{{").replace("}", "}}") + "\n" + MODEL[end:]).format(
        precision="f64", **fields))
    initial = ours.initial()
    shutil.rmtree(ours.path("run"), ignore_errors=True)
    _, got = ours.train("--weights", ours.path("init.safetensors"), "--checkpoint", ours.path("run"))
    _, expected = torch_run(initial, table, lambda p: Lamb(everything(p), lr=0.02, weight_decay=0.1), looped)
    saved = weights.load(os.path.join(ours.path("run"), "latest", "weights.safetensors"))
    bad = [f"{name} of a loop" for name, value in expected.items()
           if numpy.abs(got[name] - value).max() > TOLERANCE * numpy.abs(value).max()]
    return bad + ["states of a loop"] * ("h.3.w#lamb.m" not in saved)


def check_averages(ours, table):
    """PyTorch's AveragedModel; what eval, infer, -o and --weights take; resuming."""
    bad = []
    fields = dict(rows=len(table), steps=STEPS, batch=ROWS, optimizer="adamw(lr = 1e-2)",
                  groups='ema = 0.9; group "b.b" { frozen = true }')
    text = MODEL.format(precision="f64", **fields).replace(
        "data {", 'data { test = csv("data.csv", columns = (x = 0..5, y = 5..8), rows = 0..100)\n  ')
    ours.compile(text, "--mesh", "data=*")
    initial = ours.initial()
    start = ["--weights", ours.path("init.safetensors")]
    kept = []

    def make(p):
        module = torch.nn.ParameterList(list(p.values()))
        model = O.swa_utils.AveragedModel(module, avg_fn=lambda old, new, n: 0.9 * old + 0.1 * new)
        optimizer = O.AdamW([p["a.w"], p["a.b"], p["b.w"]], lr=1e-2)
        step = optimizer.step

        def averaging():
            step()
            model.update_parameters(torch.nn.ParameterList(list(p.values())))

        optimizer.step = averaging
        kept.append((list(p), model))
        return optimizer

    _, last = torch_run(initial, table, make)
    names, model = kept[0]
    average = {name: value.detach().numpy() for name, value in zip(names, model.module)}
    shutil.rmtree(ours.path("run"), ignore_errors=True)
    lines, got = ours.train(*start, "--checkpoint", ours.path("run"))
    raw = ours.train(*start, "--no-ema")[1]
    saved = weights.load(os.path.join(ours.path("run"), "latest", "weights.safetensors"))
    for name in names:
        for value, expected in ((got[name], average[name]), (raw[name], last[name]), (saved[name], last[name])):
            if numpy.abs(value - expected).max() > TOLERANCE * numpy.abs(expected).max():
                bad.append(f"average of {name}")
    if "b.b#ema" in saved or not numpy.array_equal(saved["a.w#ema"], got["a.w"]):
        bad.append("averages in the checkpoint")

    def evaluated(*options):
        return json.loads(run([ours.mlrun, "eval", ours.path("model.plan"), "--data", ours.work, "--json", *options]))["loss"]

    ours.train(*start)
    files = {"file": ours.path("out.safetensors"), "checkpoint": ours.path("run")}
    for what, path in files.items():
        if evaluated("--weights", path) != lines[-1]["loss"]:
            bad.append(f"evaluation of the {what}")
    ours.train(*start, "--no-ema")
    plain = evaluated("--weights", files["file"])
    if plain == lines[-1]["loss"] or plain != evaluated("--weights", files["checkpoint"], "--no-ema"):
        bad.append("evaluation without averages")

    # Interrupted after 20 steps, and on 4 ranks: the same bits.
    shutil.rmtree(ours.path("again"), ignore_errors=True)
    ours.train(*start, "--checkpoint", ours.path("again"), "--steps", "20", "-n", "2")
    ours.train("--checkpoint", ours.path("again"), "--resume", "-n", "4")
    again = weights.load(os.path.join(ours.path("again"), "latest", "weights.safetensors"))
    if any(not numpy.array_equal(again[name], saved[name]) for name in saved):
        bad.append("averages after resuming")
    return bad


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nexit code {result.returncode}\n{result.stderr}")
    return result.stdout


class Ours:
    def __init__(self, mlc, mlrun, work):
        self.mlc, self.mlrun, self.work = mlc, mlrun, work

    def path(self, name):
        return os.path.join(self.work, name)

    def compile(self, text, *options):
        with open(self.path("model.mlg"), "w") as file:
            file.write(text)
        run([self.mlc, self.path("model.mlg"), "-o", self.path("model.plan"), *options])

    def train(self, *options):
        run([self.mlrun, "train", self.path("model.plan"), "--data", self.work, "--log", self.path("log.jsonl"),
             "-o", self.path("out.safetensors"), "-q", *options])
        with open(self.path("log.jsonl")) as file:
            return [json.loads(line) for line in file], weights.load(self.path("out.safetensors"))

    def initial(self):
        run([self.mlrun, "init", self.path("model.plan"), "--seed", "3", "-o", self.path("init.safetensors")])
        return weights.load(self.path("init.safetensors"))


def plain(x, p):
    return torch.tanh(x @ p["a.w"] + p["a.b"]) @ p["b.w"] + p["b.b"]


def looped(x, p):
    x = x @ p["a.w"] + p["a.b"]
    for i in (1, 2, 3):
        x = torch.tanh(x @ p[f"h.{i}.w"] + p[f"h.{i}.b"])
    return x @ p["b.w"] + p["b.b"]


def torch_run(initial, table, make, model=plain):
    p = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in initial.items()}
    optimizer = make(p)
    losses = []
    for step in range(STEPS):
        rows = torch.tensor(table[step * ROWS : (step + 1) * ROWS], dtype=torch.float64)
        loss = torch.nn.functional.mse_loss(model(rows[:, :5], p), rows[:, 5:])
        for each in p.values():
            each.grad = None
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return numpy.array(losses), {name: value.detach().numpy() for name, value in p.items()}


def check_values(ours, table):
    bad = []
    for name, (optimizer, groups, make) in CASES.items():
        fields = dict(rows=len(table), steps=STEPS, batch=ROWS, optimizer=optimizer, groups=groups)
        ours.compile(MODEL.format(precision="f64", **fields))
        initial = ours.initial()
        lines, got = ours.train("--weights", ours.path("init.safetensors"))
        losses, expected = torch_run(initial, table, make)
        worst = numpy.abs(numpy.array([line["loss"] for line in lines[:STEPS]]) / losses - 1).max()
        for path, value in expected.items():
            worst = max(worst, numpy.abs(got[path] - value).max() / numpy.abs(value).max())
        moved = any(numpy.abs(got[path] - initial[path]).max() > 0 for path in initial)
        print(f"{name:14s} {worst:.1e}")
        if not (worst <= TOLERANCE and moved):
            bad.append(name)
    return bad


def check_rates(ours):
    bad = []
    for name, (rate, make) in RATE_CASES.items():
        ours.compile(RATES.format(steps=STEPS, lr=rate))
        lines, got = ours.train()
        sums = numpy.array([line["w"] for line in lines[:STEPS]][1:] + [float(got["w"])])
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
        schedule, rates = make(optimizer), []
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if len(rates) < STEPS:
                schedule.step()
        worst = numpy.abs(sums - numpy.cumsum(rates)).max() / max(rates)
        print(f"{name:14s} {worst:.1e}")
        if not worst <= TOLERANCE:
            bad.append(name)
    return bad


def check_bits(ours, table):
    bad = []
    for name, (optimizer, groups, _) in CASES.items():
        fields = dict(rows=len(table), steps=STEPS, batch=ROWS, optimizer=optimizer, groups=groups)
        ours.compile(MODEL.format(precision="f32", **fields), "--mesh", "data=*")
        results = []
        for ranks, threads in ((1, 1), (1, 2), (2, 1), (4, 1)):
            ours.train("-n", str(ranks), "--threads", str(threads))
            with open(ours.path("out.safetensors"), "rb") as file:
                results.append(file.read())
        if any(result != results[0] for result in results):
            bad.append(f"bits of {name}")
    return bad


def main():
    mlc, mlrun, work = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = os.path.join(work, "cache")
    torch.set_num_threads(1)
    generator = numpy.random.default_rng(1)
    table = generator.normal(size=(STEPS * ROWS, 8)).astype(numpy.float32).astype(numpy.float64)
    numpy.savetxt(os.path.join(work, "data.csv"), table, delimiter=",", fmt="%.9g")
    ours = Ours(mlc, mlrun, work)
    bad = check_values(ours, table) + check_rates(ours) + check_stacked(ours, table) + check_averages(ours, table) + check_bits(ours, table)
    sys.exit("FAILED: " + ", ".join(bad) if bad else 0)


if __name__ == "__main__":
    main()
