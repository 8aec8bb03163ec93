"""Do gains and gaps depend on the distance to English?"""
