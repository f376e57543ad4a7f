"""Helper library of the course "Immunotherapy for breast cancer".

Read it in the direction of its imports: evidence, then models, then labs.
"""
