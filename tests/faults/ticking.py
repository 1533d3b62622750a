"""The product's Celery application with a job a second, for two beats to fight over."""

from config.celery import app

app.conf.beat_schedule = {"tick": {"task": "nobody.does", "schedule": 1.0, "options": {"queue": "ticks"}}}
