"""What a command answers, as data: tables for people, a record for machines. Nothing here knows a terminal."""
