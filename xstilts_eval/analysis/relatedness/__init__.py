"""Which intermediate task helps which target task, and do estimates of relatedness tell?"""
