"""What is made of the one record that every operation leaves.

pump       takes records from the engine and writes what is made of them, a second's worth at a time
metering   usage in AWS's billing units, by day and by trace
prices     what usage costs, from dated data (prices.json)
recent     the last operations of each environment, for "what happened to my request?"
pages      /_mrak/bill, /_mrak/recent
"""
