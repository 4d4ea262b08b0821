"""Imports shoppable posts: `manage.py personalization_import_posts posts.csv --pictures folder --dry-run`."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand, CommandError

from personalization.exchange.post_files import POST_COLUMNS
from personalization.exchange.post_import import (
    DEFAULT_SOURCE,
    MAX_POSTS,
    PostImportResult,
    PostOptions,
    import_posts,
    report_sentences,
)
from personalization.exchange.tabular import TableError, open_table
from personalization.jobs.catalogue import say_imported
from personalization.jobs.recording import recorded_run
from personalization.management.commands.personalization_import_events import reject_writer
from personalization.merchandising.block_pictures import MAX_UPLOAD_BYTES
from personalization.models import RunKind

HEADER_HELP = """The file has a header row with these columns, in any order:

  id          what the social tool calls the post; imported again, the post is changed
  title       at most 80 characters
  products    UPC or SKU; percent from the left; percent from the top, with | between products:
              5012345; 30; 60 | 5012346; 70; 40
  owner       whose picture it is
  permission  how they allowed it
  picture     the name of a file in --pictures (default: the picture that the post has)
  alt         what the picture shows
  text        at most 400 characters
  language    as in LANGUAGES (default: the shop's main language)
  until       the last day on which it may be shown, 2026-12-31 (default: for good)
  origin      the address of the original post
  video       the address of the video of which the picture is a still

The first five are required.
"""


class PictureFolder(Mapping[str, Any]):
    """The files of one folder by their names; none of another."""

    def __init__(self, folder: Path | None) -> None:
        files = sorted(folder.iterdir()) if folder is not None else []
        self._files = {file.name: file for file in files if file.is_file() and not file.is_symlink()}

    def __getitem__(self, name: str) -> Any:
        with self._files[name].open("rb") as stream:
            return ContentFile(stream.read(MAX_UPLOAD_BYTES + 1), name)  # what is longer is refused

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


class Command(BaseCommand):
    """Posts from a file of the shop's social tool, as drafts, or live at once."""

    help = f"Imports shoppable posts from a CSV file of up to {MAX_POSTS:,} lines."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        """The parser, whose help shows the columns as they are written."""
        parser = super().create_parser(prog_name, subcommand, **options)
        parser.epilog, parser.formatter_class = HEADER_HELP, RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv file with a header, or a .jsonl file")
        parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="where the files of the pictures are")
        parser.add_argument("--source", default=DEFAULT_SOURCE, help="the tool that it comes from (default: import)")
        parser.add_argument("--publish", action="store_true", help="make them live at once (default: drafts)")
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="default: the file's name with .rejects added")
        parser.add_argument("--dry-run", action="store_true", help="store nothing, only report")

    def handle(self, *args: Any, file: Path, pictures: Path | None, verbosity: int, **options: Any) -> None:
        """1. Imports. 2. Reports."""
        rejects = options["rejects"] or file.with_name(f"{file.name}.rejects")
        if rejects.resolve() == file.resolve():
            raise CommandError(f"--rejects is the file itself: {file}.")
        if not 1 <= len(options["source"]) <= 20:
            raise CommandError("--source is empty or longer than 20 characters.")
        if pictures is not None and not pictures.is_dir():
            raise CommandError(f"--pictures is no folder: {pictures}.")
        post_options = PostOptions(options["source"], options["publish"], options["dry_run"])
        codes = Counter[str]()
        try:
            with (
                recorded_run(RunKind.IMPORT) as run,
                open_table(file) as table,
                reject_writer(rejects, codes) as reject,
            ):
                rows = list(table.rows(POST_COLUMNS))
                if len(rows) > MAX_POSTS:
                    raise TableError(f"{file} has {len(rows):,} lines; split it into files of at most {MAX_POSTS:,}.")
                result = import_posts(rows, PictureFolder(pictures), post_options, reject)
                say_imported(run, result.created, result.changed + result.unchanged, result.rejected)
        except TableError as error:
            raise CommandError(str(error)) from None
        if verbosity:
            self.print_result(result, codes, rejects, post_options)

    def print_result(self, result: PostImportResult, codes: Counter[str], rejects: Path, options: PostOptions) -> None:
        """One line with the counts, then sentences, then one line for each reason of rejection."""
        would = "would be " if options.dry_run else ""
        where = f", in {rejects}" if result.rejected else ""
        self.stdout.write(
            f"{result.posts} posts: {result.created} {would}created, {result.changed} {would}changed, "
            f"{result.unchanged} unchanged, {result.published} {would}published, {result.rejected} rejected{where}."
        )
        for sentence in report_sentences(result):
            self.stdout.write(sentence)
        for code, count in codes.most_common():
            self.stdout.write(f"  {count} {code}")
