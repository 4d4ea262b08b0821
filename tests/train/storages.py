"""Storages that shops may have."""

from django.core.files.storage import FileSystemStorage, Storage


class NoDiskOfOurs(Storage):
    """A storage that has no paths, as an object store has none; behind it is a folder."""

    def __init__(self, location):
        self.folder = FileSystemStorage(location)
        self._open, self._save = self.folder._open, self.folder._save
        self.exists, self.listdir, self.delete = self.folder.exists, self.folder.listdir, self.folder.delete
