"""Pictures: safe intake, the fair rotation, samples, data sets and the rotMNIST protocol."""
