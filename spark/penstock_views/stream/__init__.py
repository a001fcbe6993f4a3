"""Parts that every query needs: the Spark session, Kafka in and out, its progress on disk.

Does not know what a query computes, apart from that of row views.
"""
