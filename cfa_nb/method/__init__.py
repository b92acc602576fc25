"""The paper's method. Read in this order: calibration, attacks, objectives, averaging, model, metrics, step, train.

rivals is what it is compared with; evaluate and autoattack say how accurate a class is; fast and graphs are for GPUs.
"""
