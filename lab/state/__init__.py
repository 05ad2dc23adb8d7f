"""What a running lab keeps on disk: run file, status, flags, logs, seat secret."""
