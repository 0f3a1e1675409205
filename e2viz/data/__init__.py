"""What a data set is: classes, channels, size, preparation, files, splits, samples, words."""

from e2viz.data.data_set import DataSet
from e2viz.data.table import data_set, list_data
from e2viz.data.tasks import Task, task

__all__ = ["DataSet", "Task", "data_set", "list_data", "task"]
