"""Serves an exported cell on loopback: a row in, the cell's output out, the state kept for each connection.

    cellsearch export gru -o my_gru --input-size 3 --hidden-size 8
    python stream.py my_gru

Rows and outputs are lines of JSON. Here a client sends a few rows to the server and holds what comes back to the whole
sequence at once.
"""

import importlib.util
import json
import socket
import socketserver
import sys
import threading
from pathlib import Path

import torch
from torch import nn


def load(folder: str) -> nn.Module:
    """The trained module of a folder that `cellsearch export` has written."""
    spec = importlib.util.spec_from_file_location("exported", Path(folder, "model.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load().eval()


class Stream(socketserver.StreamRequestHandler):
    """One connection: its state begins at zero and goes on from row to row."""

    def handle(self) -> None:
        model = self.server.model
        states = None
        with torch.inference_mode():
            for line in self.rfile:
                row = torch.tensor(json.loads(line)).view(1, 1, -1)  # [T=1, B=1, I]
                outputs, states = model(row, states)
                self.wfile.write(json.dumps(outputs.flatten().tolist()).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, model: nn.Module) -> None:
        super().__init__(("127.0.0.1", 0), Stream)  # any free port
        self.model = model


if __name__ == "__main__":
    model = load(sys.argv[1])
    sequence = torch.randn(20, 1, model.input_size)
    with Server(model) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_connection(server.server_address) as client, client.makefile("rw") as lines:
            answers = []
            for row in sequence:
                lines.write(json.dumps(row.flatten().tolist()) + "\n")
                lines.flush()
                answers.append(json.loads(lines.readline()))
        server.shutdown()
    with torch.inference_mode():
        difference = (model(sequence)[0].squeeze(1) - torch.tensor(answers)).abs().max().item()
    print(f"{len(answers)} rows, largest difference from the whole sequence at once: {difference:.1e}")
    assert difference < 1e-5
