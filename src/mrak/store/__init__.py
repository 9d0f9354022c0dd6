"""Ordered key-value storage with transactions; no SQL above this room.

api       what a store is                     tables    typed rows and indexes
keys      order-preserving encoding           memory    the reference and the simulator's store
overlay   uncommitted writes over a base      sqlite    the embedded default, with group commit
faulty    any store, with faults              blobs     large immutable bodies as files
"""
