"""The training loop that stand-ins and adapters share."""

import time
from collections import deque
from collections.abc import Callable, Iterator

import torch
from batches import IGNORED, Batch
from transformers import PreTrainedModel

__all__ = ["fit"]

_WARM_UP_STEPS = 100


def fit(
    model: PreTrainedModel,
    stream: Iterator[Batch],
    steps: int,
    rate: float,
    balance: float,
    keep: Callable[[], None] = lambda: None,
) -> float:
    """Train with warm-up and cosine decay, printing a line every hundred steps and calling `keep` behind it.

    Returns the mean loss of the last hundred steps. `balance` weighs answers: see `_loss`.
    """
    # The fused kernel's backward pass takes half of a step on a CPU; plain attention needs a third of it.
    model.set_attn_implementation("eager")
    experts = _experts(model)
    used = _optimizers(model, experts, rate)
    schedules = [_schedule(optimizer, rate, steps) for optimizer in used]
    model.train()
    recent: deque[float] = deque(maxlen=100)
    started, seen = time.monotonic(), 0
    for step in range(1, steps + 1):
        batch = next(stream)
        loss = _loss(model, batch, balance)
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for whole, slices in experts:
            for index, expert in enumerate(slices):
                expert.grad = whole.grad[index]  # type: ignore[index]  # backward has filled it
        for optimizer in used:
            optimizer.step()
        for schedule in schedules:
            schedule.step()
        seen += batch[0].numel()
        recent.append(loss.item())
        if step % 100 == 0:
            mean, seconds = sum(recent) / len(recent), time.monotonic() - started
            print(f"step {step} loss {mean:.3f} tokens {seen} seconds {seconds:.0f}", flush=True)
            keep()
    return sum(recent) / len(recent)


def _loss(model: PreTrainedModel, batch: Batch, balance: float) -> torch.Tensor:
    """Cross-entropy over the answers only.

    With `balance` 0 every token weighs the same, which is best for copying; with 1 every answer does, so that long
    copies do not drown the single token that a label hangs on.
    Padding is on the right and unlabelled, so causal attention needs no mask.
    """
    ids, labels = batch
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        wanted = labels[:, 1:] != IGNORED
        logits = model.lm_head(hidden[wanted])
    loss = torch.nn.functional.cross_entropy(logits.float(), labels[:, 1:][wanted], reduction="none")
    weight = (wanted.sum(1, keepdim=True).clamp(min=1) ** -balance).expand(wanted.shape)[wanted]
    return (loss * weight).sum() / weight.sum()


_Experts = list[tuple[torch.Tensor, list[torch.Tensor]]]


def _experts(model: PreTrainedModel) -> _Experts:
    """Weights that stack the matrices of all experts, each with its matrices as leaves that share its memory.

    Muon takes matrices only, and each expert is one.
    """
    stacks = [weight for weight in model.parameters() if weight.dim() == 3 and weight.requires_grad]
    return [(stack, [torch.nn.Parameter(expert) for expert in stack.data]) for stack in stacks]


def _optimizers(model: PreTrainedModel, experts: _Experts, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the rest: less loss in the same time than AdamW alone."""
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad and weight.dim() < 3}
    inner = [name for name, weight in trained.items() if weight.dim() == 2 and ".layers." in name]
    rest = [weight for name, weight in trained.items() if name not in inner]
    matrices = [trained[name] for name in inner] + [expert for _, slices in experts for expert in slices]
    muon = torch.optim.Muon(matrices, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    if not rest:
        return [muon]
    return [muon, torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)]


def _schedule(optimizer: torch.optim.Optimizer, rate: float, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    """Warm-up, then a cosine from `rate` down to a two-thousandth of it."""
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        rate,
        total_steps=steps,
        pct_start=min(0.1, _WARM_UP_STEPS / steps),
        cycle_momentum=False,
        div_factor=20,
        final_div_factor=100,
    )
