"""What a running installation lacks, in plain words: for `manage.py personalization_doctor` and the dashboard."""
