"""The plugin of the MLflow server: who did it, told to the triggers in the same transaction.

``app`` has the two entry points. ``calls`` is what is known of the request being served,
``proxy`` whose word is taken for a user's name, ``routes`` which requests concern the
registry, ``stamp`` tells the database who is acting, ``requests`` keeps what no row tells,
``middleware`` holds them together around MLflow's own application.

MLflow servers import this package: nothing heavy may be imported from here.
"""
