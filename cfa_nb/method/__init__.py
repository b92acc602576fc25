"""The paper's method, to be read in this order.

calibration  from each class's accuracy to its margin and beta: CCM (Eq. 6), CCR (Eq. 7)
attacks      PGD (Eq. 2), FAT's friendly PGD
objectives   AT, TRADES, FAT: from a batch to a loss (Eqs. 1, 3, 8)
averaging    EMA, FAWA
model        PreActResNet, and the small network
metrics      hits per class, and accuracies from them
step         one training step
train        Algorithm 1, resumable
rivals       what it is compared with: FRL, and controls of CCM
evaluate     accuracy per class: clean, under an attack; autoattack: AutoAttack, resumable
fast         the network as the attack sees it, and SGD on the device; graphs: steps as CUDA graphs
"""
