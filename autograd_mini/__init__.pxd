# Marks the package for the C compiler.
