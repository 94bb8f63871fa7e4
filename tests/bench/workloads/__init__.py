"""The workloads of the table "compiled": what each is, and every engine's way to do it, a file each."""
