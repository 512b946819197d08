"""The standalone file: a cell as source of plain PyTorch that reads like its equations."""
