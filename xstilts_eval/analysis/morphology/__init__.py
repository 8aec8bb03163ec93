"""Do languages of rich morphology transfer worse, and do models of bytes help them?"""
