"""A deliberately naive transcription of the formulas: loops over images, explicit sums, SGD by hand.

Written from the paper's equations and the description of the released code, not from `cfa_nb`: it shares the network,
the random numbers and nothing else.
"""

import torch


class NaiveRun:
    """Weights, momentum and counts of a run that is stepped image by image.

    Args:
        model: the network, changed in place.
        config: the run's numbers.
        class_eps, class_beta: K values.
    """

    def __init__(self, model, config, class_eps, class_beta):
        self.model, self.config = model, config
        self.class_eps, self.class_beta = class_eps, class_beta
        self.momentum = [None for _ in model.parameters()]
        self.robust_hits, self.clean_hits, self.n = [0] * 10, [0] * 10, [0] * 10
        self.smallest_gradient = float("inf")  # |gradient| / its largest entry: near 0 its sign would be chance

    def step(self, x, y, noise):
        """One training step. noise: U(0, 1) for AT and FAT, N(0, 1) for TRADES, shaped as x."""
        attack = {"at": self.pgd, "fat": self.friendly, "trades": self.kl_pgd}[self.config.objective]
        self.update(x, attack(x, y, noise), y)

    def update(self, x, x_adv, y):
        """What follows the attack: loss, SGD, counts."""
        self.model.train()
        loss, logits = self.trades_loss(x, x_adv, y) if self.config.objective == "trades" else self.ce_loss(x_adv, y)
        for p in self.model.parameters():
            p.grad = None
        loss.backward()
        self.sgd()
        with torch.no_grad():
            clean = self.model(x)
        for i in range(len(y)):
            self.n[y[i]] += 1
            self.robust_hits[y[i]] += int(logits[i].argmax() == y[i])
            self.clean_hits[y[i]] += int(clean[i].argmax() == y[i])

    # --- attacks

    def uniform(self, x, y, noise):
        delta = torch.zeros_like(x)
        for i in range(len(x)):
            eps = self.class_eps[y[i]]
            delta[i] = -eps + noise[i] * 2 * eps
        return self.inside(x, delta, y)

    def inside(self, x, delta, y):
        out = torch.zeros_like(x)
        for i in range(len(x)):
            eps = self.class_eps[y[i]]
            bound = torch.tensor(eps, dtype=x.dtype)
            d = torch.maximum(torch.minimum(delta[i], bound), -bound)
            out[i] = torch.maximum(torch.minimum(d, 1 - x[i]), 0 - x[i])
        return out

    def gradient(self, loss, delta):
        (g,) = torch.autograd.grad(loss, delta)
        self.smallest_gradient = min(self.smallest_gradient, float(g.abs().min() / g.abs().max()))
        return g

    def pgd(self, x, y, noise):
        return self.friendly(x, y, noise, patience=self.config.steps)

    def friendly(self, x, y, noise, patience=None):
        self.model.train()
        delta = self.uniform(x, y, noise)
        patience = [self.config.fat_tau if patience is None else patience] * len(y)
        for _ in range(self.config.steps):
            delta = delta.detach().requires_grad_()
            logits = self.model(x + delta)
            loss = sum(self.cross_entropy(z, k) for z, k in zip(logits, y)) / len(y)
            g = self.gradient(loss, delta)
            moved = self.inside(x, delta.detach() + self.config.alpha * torch.sign(g), y)
            after = delta.detach().clone()
            for i in range(len(y)):
                if patience[i] > 0:
                    after[i] = moved[i]
                    if logits[i].argmax() != y[i]:
                        patience[i] -= 1
            delta = after
        if self.config.repeat_forwards:  # the release looks at its last point, then trains on it with another pass
            self.model(x + delta)
        return x + delta

    def kl_pgd(self, x, y, noise):
        self.model.eval()
        delta = 0.001 * noise
        for _ in range(self.config.steps):
            delta = delta.detach().requires_grad_()
            p = torch.softmax(self.model(x), dim=1).detach()
            q = torch.softmax(self.model(x + delta), dim=1)
            loss = sum((p[i] * (torch.log(p[i]) - torch.log(q[i]))).sum() for i in range(len(y)))
            g = self.gradient(loss, delta)
            delta = self.inside(x, delta.detach() + self.config.alpha * torch.sign(g), y)
        return x + delta

    # --- losses

    def cross_entropy(self, logits, label):
        return -torch.log(torch.exp(logits[label]) / torch.exp(logits).sum())

    def ce_loss(self, x_adv, y):
        logits = self.model(x_adv)
        return sum(self.cross_entropy(z, k) for z, k in zip(logits, y)) / len(y), logits.detach()

    def trades_loss(self, x, x_adv, y):
        clean, adversarial = self.model(x), self.model(x_adv)
        target = self.model(x) if self.config.repeat_forwards else clean  # the release's KL has a clean pass of its own
        total = 0.0
        for i in range(len(y)):
            p, q = torch.softmax(target[i], 0), torch.softmax(adversarial[i], 0)
            w = self.class_beta[y[i]] / (1 + self.class_beta[y[i]])
            kl = (p * (torch.log(p) - torch.log(q))).sum()
            total = total + (1 - w) * self.cross_entropy(clean[i], y[i]) + w * kl
        return total / len(y), adversarial.detach()

    @torch.no_grad()
    def sgd(self):
        for i, p in enumerate(self.model.parameters()):
            g = p.grad + self.config.weight_decay * p
            self.momentum[i] = g.clone() if self.momentum[i] is None else self.config.momentum * self.momentum[i] + g
            p.copy_(p - self.config.lr * self.momentum[i])
