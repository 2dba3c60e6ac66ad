"""An event file as the package `tensorboard` (2.21) writes it: tests/fixtures/train/tensorboard.tfevents."""

import os

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/train/tensorboard.tfevents")
TIME = 1_764_201_600.25


def scalars(time, step, **values):
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    return Event(wall_time=time, step=step, summary=Summary(value=values))


with open(OUT, "wb") as file:
    writer = RecordWriter(file)
    for event in [
        Event(wall_time=TIME, file_version="brain.Event:2"),
        Event(wall_time=TIME, step=300, session_log=SessionLog(status=SessionLog.START)),
        scalars(TIME + 1.0, 0, fvu=0.0),
        scalars(TIME + 2.5, 12_345_678_901, fvu=0.125, loss=3.75e-7, tokens=1e12),
    ]:
        writer.write(event.SerializeToString())
    writer.flush()
